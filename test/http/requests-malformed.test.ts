import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { type Broker, connect, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { changingNothing, codeOf, readProblem } from '../support/problem.ts';
import { ROUTES } from '../support/routes.ts';

/** Requests that are refused for their path, method, body or user id before anything is done. */

const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;

beforeAll(async () => {
  broker = await startBroker({ bindings: { DB: d1.d1 } });
  app = await makeApp(broker);
  await connect(broker, app, 'ada', 'nora');
});
beforeEach(() => d1.reset());

describe('a body', () => {
  const post = (body: string, type: string | null = 'application/json') =>
    broker.request('/apps', {
      method: 'POST',
      headers: { Authorization: `Bearer ${broker.operatorToken}`, ...(type !== null && { 'Content-Type': type }) },
      body,
    });

  test.each([
    ['cut short', '{"name": "x'],
    ['empty', ''],
    ['markup', '<script>alert(1)</script>'],
  ])('that is %s is no JSON', async (_, body) => {
    const response = await changingNothing(() => post(body));
    const { status, code, detail } = await readProblem(response);
    expect([status, code]).toEqual([400, 'invalid_body']);
    expect(detail).not.toContain('<');
  });

  test.each([
    ['an array', '[]'],
    ['null', 'null'],
    ['a number', '7'],
    ['a string', '"x"'],
    ['an object without the name', '{}'],
    ['an object with a name of another type', '{"name": 7}'],
    ['an object with an empty name', '{"name": "  "}'],
    ['an object with more than was asked for', '{"name": "x", "is_admin": true}'],
  ])('that is %s does not fit', async (_, body) => {
    expect(await codeOf(await changingNothing(() => post(body)))).toBe('400 invalid_parameter');
  });

  test('over 64 KiB is refused, announced or not', async () => {
    const large = JSON.stringify({ name: 'x'.repeat(70_000) });
    expect(await codeOf(await changingNothing(() => post(large)))).toBe('413 body_too_large');
    const stream = new Blob([large]).stream();
    const streamed = broker.request('/apps', {
      method: 'POST',
      headers: { Authorization: `Bearer ${broker.operatorToken}`, 'Content-Type': 'application/json' },
      body: stream,
    });
    expect(await codeOf(await changingNothing(() => streamed))).toBe('413 body_too_large');
    const push = broker.request('/withings/notify/x', { method: 'POST', body: large });
    expect(await codeOf(await changingNothing(() => push))).toBe('413 body_too_large');
  });
});

describe('a path', () => {
  test.each(['/nothing', '/apps/x/nothing/here', '/withings', '/%3Cscript%3E', '/..%2f', '//', '/wp-login.php'])(
    '%s that leads nowhere is said to',
    async (path) => {
      const response = await changingNothing(() => broker.request(`https://broker.example.com${path}`));
      expect(await codeOf(response)).toBe('404 not_found');
      expect(d1.calls()).toBe(0);
    },
  );

  test('is told to a browser in the same words, without markup of the path', async () => {
    const { title, detail } = await readProblem(await broker.request('/%3Cimg%3E'));
    const page = await broker.request('/%3Cimg%3E', { headers: { Accept: 'text/html' } });
    expect(page.status).toBe(404);
    const text = await page.text();
    expect(text).toContain(title);
    expect(text).toContain(detail);
    expect(text).not.toContain('<img');
  });
});

describe('a method', () => {
  /** Every path of the API as a request would name it, with the methods that it has. */
  const paths = Map.groupBy(
    ROUTES.filter(({ method, path }) => method !== 'ALL' && !path.startsWith('/dashboard')),
    ({ path }) => path.replaceAll(/:\w+/g, 'x'),
  );
  const wrong = [...paths].flatMap(([path, routes]) => {
    const methods = new Set(routes.map(({ method }) => method));
    const unused = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'].find((method) => !methods.has(method));
    return unused === undefined ? [] : [[unused, path] as const];
  });

  test.each(wrong)('%s is not one of %s, and Allow names those that are', async (method, path) => {
    const headers = { Authorization: `Bearer ${broker.operatorToken}` };
    const response = await changingNothing(() => broker.request(path, { method, headers }));
    expect(await codeOf(response)).toBe('405 method_not_allowed');
    const allowed = (response.headers.get('Allow') ?? '').split(', ');
    for (const { method: taken } of paths.get(path) ?? []) expect(allowed).toContain(taken);
    expect(allowed).not.toContain(method);
  });
});

describe('a user id in a path', () => {
  test.each([
    ['over-long', 'a'.repeat(129)],
    ['with an encoded slash', 'a%2Fb'],
    ['with a line feed', 'a%0Ab'],
    ['with a percent sign', 'a%2541'],
    ['beyond ASCII', '%C3%A9'],
    ['badly encoded', '%E9'],
  ])('%s is refused', async (_, userId) => {
    const response = await changingNothing(() => app.call('GET', `/withings/status/${userId}`));
    expect(await codeOf(response)).toBe('400 invalid_parameter');
  });

  test.each(['auth0|5f7c', 'ada@example.com', 'a+b', "o'neil", 'a'.repeat(128)])('%s is somebody', async (userId) => {
    const response = await app.call('GET', `/withings/status/${encodeURIComponent(userId)}`);
    expect(await response.json()).toEqual({ connected: false });
  });
});
