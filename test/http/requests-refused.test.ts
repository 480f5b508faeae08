import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { mintCredential } from '../../src/crypto/credential.ts';
import { OPERATIONS } from '../../src/http/api/reference/operations.ts';
import { http } from '../../src/http/app.ts';
import { type Broker, connect, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { changingNothing, codeOf, readProblem } from '../support/problem.ts';

/** Requests that are refused before anything is done: for their key, their method, their path, their body. */

const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;
let other: TestApp;

beforeAll(async () => {
  broker = await startBroker({ bindings: { DB: d1.d1 } });
  app = await makeApp(broker);
  other = await makeApp(broker, 'Other');
  await connect(broker, app, 'ada', 'nora');
});
beforeEach(() => d1.reset());

const newKey = () => mintCredential('key', (size) => crypto.getRandomValues(new Uint8Array(size)));

/** The routes that take an app's key, with a body that fits where there is one. */
const KEYED: [string, string, unknown?][] = [
  ['POST', '/withings/sync/ada'],
  ['GET', '/withings/status/ada'],
  ['DELETE', '/withings/disconnect/ada'],
  ['GET', '/withings/connections/ada'],
  ['POST', '/withings/user-tokens', { user_id: 'ada' }],
  ['POST', '/withings/connect-sessions', { user_id: 'ada', redirect_uri: 'womoji://withings/success' }],
  ['POST', '/withings/confirm', { ticket: 'x', user_id: 'ada' }],
  ['GET', '/metrics/ada'],
  ['GET', '/metrics/ada/latest'],
];

const ask = (method: string, path: string, headers: Record<string, string>, body?: unknown) =>
  broker.request(path, {
    method,
    headers: { ...headers, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

describe.each(KEYED)('%s %s', (method, path, body) => {
  const withKey = (headers: Record<string, string>, id = app.id) => ask(method, `/apps/${id}${path}`, headers, body);

  test('without a key says which header to send, and asks no database', async () => {
    const response = await changingNothing(() => withKey({}));
    expect(await codeOf(response)).toBe('401 api_key_missing');
    expect(response.headers.get('WWW-Authenticate')).toMatch(/^Bearer /);
    expect(d1.calls()).toBe(0);
  });

  test.each([
    ['mistyped', () => `${app.key.slice(0, -1)}${app.key.endsWith('0') ? '1' : '0'}`],
    ['of another kind', () => app.key.replace('_key_', '_ticket_')],
    ['not a key', () => 'hello'],
    ['an over-long key', () => 'a'.repeat(5_000)],
    ['a forged user token', () => 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.'],
  ])('with %s is refused without the database', async (_, key) => {
    expect(await codeOf(await changingNothing(() => withKey({ 'X-API-Key': key() })))).toBe('401 invalid_api_key');
    expect(d1.calls()).toBe(0);
  });

  test('with a well-formed key that nobody was given is refused', async () => {
    const key = await newKey();
    expect(await codeOf(await changingNothing(() => withKey({ 'X-API-Key': key })))).toBe('401 invalid_api_key');
  });

  test('with a key in the URL is refused', async () => {
    const response = await ask(method, `/apps/${app.id}${path}?api_key=${await newKey()}`, {}, body);
    expect(await codeOf(response)).toBe('401 api_key_missing');
  });

  test("with another app's key answers as if there were no such app", async () => {
    const foreign = await changingNothing(() => withKey({ 'X-API-Key': other.key }));
    const unknown = await changingNothing(() => withKey({ 'X-API-Key': other.key }, 'app_00000000000000000000'));
    const words = async (response: Response) => ({ ...(await readProblem(response)), request_id: '' });
    const told = await words(foreign);
    expect(told).toMatchObject({ status: 404, code: 'app_not_found' });
    expect(await words(unknown)).toEqual(told);
  });
});

describe('a key', () => {
  test('that was revoked is refused from the next request on', async () => {
    const made = await broker.manage('POST', `/apps/${app.id}/keys`, { name: 'short-lived' });
    const { id, key } = await made.json<{ id: string; key: string }>();
    const status = () => ask('GET', `/apps/${app.id}/withings/status/ada`, { 'X-API-Key': key });
    expect((await status()).status).toBe(200);
    expect((await broker.manage('DELETE', `/apps/${app.id}/keys/${id}`)).status).toBe(204);
    expect(await codeOf(await changingNothing(status))).toBe('401 invalid_api_key');
  });

  test.each([
    ['read', 'POST', '/withings/sync/ada'],
    ['read', 'DELETE', '/withings/disconnect/ada'],
    ['sync', 'GET', '/metrics/ada'],
  ])('that may only %s is refused for %s %s, and told the scope', async (scope, method, path) => {
    const made = await broker.manage('POST', `/apps/${app.id}/keys`, { name: 'narrow', scopes: [scope] });
    const { key } = await made.json<{ key: string }>();
    const response = await changingNothing(() => ask(method, `/apps/${app.id}${path}`, { 'X-API-Key': key }));
    const { status, code, detail } = await readProblem(response);
    expect([status, code]).toEqual([403, 'insufficient_scope']);
    expect(detail).toMatch(/"(read|sync)"/);
  });

  test('of a disabled app is told so', async () => {
    const disabled = await makeApp(broker, 'Disabled');
    await broker.manage('PATCH', `/apps/${disabled.id}`, { disabled: true });
    expect(await codeOf(await disabled.call('GET', '/withings/status/ada'))).toBe('403 app_disabled');
  });
});

describe('management', () => {
  const MANAGED: [string, string, unknown?][] = [
    ['POST', '/apps', { name: 'x' }],
    ['GET', '/apps'],
    ['GET', '/apps/:app'],
    ['PATCH', '/apps/:app', { name: 'x' }],
    ['POST', '/apps/:app/keys', { name: 'x' }],
    ['GET', '/apps/:app/keys'],
    ['PUT', '/apps/:app/redirect-uris', { uri: 'https://a.example.com/' }],
    ['GET', '/apps/:app/redirect-uris'],
    ['DELETE', '/apps/:app/redirect-uris?uri=womoji%3A%2F%2Fwithings%2Fsuccess'],
  ];
  test.each(MANAGED)('%s %s takes an access token and nothing else', async (method, path, body) => {
    const to = path.replace(':app', app.id);
    expect(await codeOf(await changingNothing(() => ask(method, to, {}, body)))).toBe('401 access_token_missing');
    const credentials: Record<string, string>[] = [
      { Authorization: 'Bearer hello' },
      { Authorization: `Bearer ${app.key}` },
      { Authorization: `Bearer ${broker.operatorToken.slice(0, -1)}` },
    ];
    for (const headers of credentials) {
      const response = await changingNothing(() => ask(method, to, headers, body));
      expect(await codeOf(response)).toBe('401 invalid_access_token');
    }
    const byKey = await changingNothing(() => ask(method, to, { 'X-API-Key': app.key }, body));
    expect(byKey.status).toBe(401);
  });

  test.each([
    ['GET', '/apps/nothing'],
    ['PATCH', '/apps/nothing', { name: 'x' }],
    ['POST', '/apps/nothing/keys', { name: 'x' }],
    ['PUT', '/apps/nothing/redirect-uris', { uri: 'https://a.example.com/' }],
    ['GET', '/apps/nothing/redirect-uris'],
  ])('%s %s of an app that does not exist', async (method, path, body?: unknown) => {
    expect(await codeOf(await changingNothing(() => broker.manage(method, path, body)))).toBe('404 app_not_found');
  });
});

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

  test.each(['text/plain', 'application/x-www-form-urlencoded', null])('sent as %s is refused', async (type) => {
    const response = await changingNothing(() => post('{"name": "x"}', type));
    expect(response.status).toBe(400);
    expect(['invalid_body', 'invalid_parameter']).toContain((await readProblem(response)).code);
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
    http.routes.filter(({ method, path }) => method !== 'ALL' && !path.startsWith('/dashboard')),
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

describe('a request that would not fit, from a stranger,', () => {
  /** Every route that takes a credential, as the reference says, with a query and a body that no route takes. */
  const guarded = OPERATIONS.filter(({ auth }) => auth.kind !== 'none').map(({ method, path }) => {
    const asked = path
      .replace('{app_id}', 'x')
      .replace('{user_id}', 'a%2Fb')
      .replaceAll(/\{\w+\}/g, 'x');
    return [method.toUpperCase(), asked] as const;
  });

  test.each(guarded)('is asked for a credential first: %s %s', async (method, path) => {
    const body = method === 'GET' ? undefined : { no_such_field: true };
    const response = await changingNothing(() => ask(method, `${path}?cursor=%00&limit=none&uri=`, {}, body));
    expect(response.status).toBe(401);
    expect(d1.calls()).toBe(0);
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
