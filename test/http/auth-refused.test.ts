import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';

import { type Broker, makeApp, ORIGIN, startBroker, type TestApp, WEB, WOMOJI } from '../support/broker.ts';
import { meterFetch, meterKv } from '../support/meters.ts';
import { changingNothing, codeOf, readProblem } from '../support/problem.ts';

/** `GET auth` refuses with an answer of its own, never with a redirect, and leaves nothing behind. */

const kv = meterKv(env.LINKS);
const sent = meterFetch();
let broker: Broker;
let app: TestApp;
let disabled: TestApp;

beforeAll(async () => {
  broker = await startBroker({ bindings: { LINKS: kv.kv }, fetch: sent.wrap });
  app = await makeApp(broker);
  disabled = await makeApp(broker, 'Disabled');
  await broker.manage('PATCH', `/apps/${disabled.id}`, { disabled: true });
});

const redirectUri = encodeURIComponent(WOMOJI);
const auth = (query: string, id: string = app.id, accept = 'application/json') =>
  broker.request(`/apps/${id}/withings/auth${query}`, { headers: { Accept: accept } });

const expectRefusal = async (ask: () => Promise<Response>): Promise<Response> => {
  kv.reset();
  sent.reset();
  const response = await changingNothing(ask);
  expect(response.headers.get('Location')).toBeNull();
  expect(response.headers.getSetCookie()).toEqual([]);
  expect(kv.operations).toEqual([]);
  expect(sent.count()).toBe(0);
  return response;
};

describe('the app', () => {
  test.each([
    ['unknown', () => 'app_00000000000000000000', '404 app_not_found'],
    ['with markup in its id', () => '%3Cscript%3E', '404 app_not_found'],
    ['disabled', () => disabled.id, '403 app_disabled'],
  ])('%s is refused', async (_, id, code) => {
    const response = await expectRefusal(() => auth(`?user_id=ada&redirect_uri=${redirectUri}`, id()));
    expect(await codeOf(response)).toBe(code);
  });
});

describe('the redirect_uri', () => {
  test.each([
    ['missing', ''],
    ['doubled', `&redirect_uri=${redirectUri}&redirect_uri=${redirectUri}`],
    ['doubled, the registered one last', `&redirect_uri=https%3A%2F%2Fevil.example&redirect_uri=${redirectUri}`],
    ['sent as an array', `&redirect_uri[]=${redirectUri}`],
    ['sent in capitals', `&REDIRECT_URI=${redirectUri}`],
  ])('%s is refused and named', async (_, query) => {
    const { code, detail } = await readProblem(await expectRefusal(() => auth(`?user_id=ada${query}`)));
    expect(code).toBe('invalid_parameter');
    expect(detail).toMatch(/^redirect_uri: /);
  });

  test.each([
    ['unregistered', 'https://evil.example/'],
    ['empty', ''],
    ['no URI', 'not a uri'],
    ['registered but for a slash', `${WEB}/`],
    ['registered but for its case', WOMOJI.toUpperCase()],
    ['registered but for a space', `${WOMOJI} `],
    ['registered but for a query', `${WOMOJI}?next=https://evil.example`],
    ['registered but for a fragment', `${WEB}#x`],
    ['with a line break', `${WEB}\r\nSet-Cookie: a=b`],
    ['with a NUL', `${WEB}\0`],
    ['with userinfo', 'https://app.example.com@evil.example/withings/done'],
    ['another script', 'https://app.exаmple.com/withings/done'],
    ['a script', 'javascript:alert(1)'],
    ['markup', '<script>alert(1)</script>'],
    ['over-long', `https://app.example.com/${'a'.repeat(5_000)}`],
  ])('%s is not allowed', async (_, uri) => {
    const response = await expectRefusal(() => auth(`?user_id=ada&redirect_uri=${encodeURIComponent(uri)}`));
    const { status, code, detail } = await readProblem(response);
    expect({ status, code }).toEqual({ status: 400, code: 'redirect_uri_not_allowed' });
    expect(detail).toContain('redirect_uri not allowed');
  });

  test.each([
    ['as it is', 'womoji://withings/other', 'womoji://withings/other'],
    ['quoted for a shell', `${WEB}?a=1&b='x'`, `'${WEB}?a=1&b='\\''x'\\'''`],
    ['escaped in the page', `${WEB}?<script>`, `'${WEB}?<script>'`],
  ])('that could be registered stands in the command that does it, %s', async (_, uri, word) => {
    const query = `?user_id=ada&redirect_uri=${encodeURIComponent(uri)}`;
    const command = `mushu health redirect-uri add ${word} --app ${app.id}`;
    const { detail } = await readProblem(await expectRefusal(() => auth(query)));
    expect(detail).toContain(`\`${command}\``);
    expect(detail).toContain(`\`npm install -g ${ORIGIN}/mushu.tgz\``);
    const page = await (await auth(query, app.id, 'text/html')).text();
    const escaped = command
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll("'", '&#39;');
    expect(page).toContain(`<code>${escaped}</code>`);
    expect(page).not.toContain('<script>');
  });

  test('a connect session is refused with the same command', async () => {
    const body = { user_id: 'ada', redirect_uri: `${WEB}/` };
    const { code, detail } = await readProblem(await app.call('POST', '/withings/connect-sessions', body));
    expect(code).toBe('redirect_uri_not_allowed');
    expect(detail).toContain('slash');
    expect(detail).toContain(`\`mushu health redirect-uri add ${WEB}/ --app ${app.id}\``);
  });

  test('of another app is not allowed', async () => {
    const other = await makeApp(broker, 'Other');
    await broker.manage('PUT', `/apps/${other.id}/redirect-uris`, { uri: 'https://other.example.com/done' });
    const response = await expectRefusal(() =>
      auth('?user_id=ada&redirect_uri=https%3A%2F%2Fother.example.com%2Fdone'),
    );
    expect(await codeOf(response)).toBe('400 redirect_uri_not_allowed');
  });
});

describe('the user_id', () => {
  test.each([
    ['missing', ''],
    ['doubled', 'user_id=ada&user_id=eve'],
    ['empty', 'user_id='],
    ['over-long', `user_id=${'a'.repeat(129)}`],
    ['with a line feed', 'user_id=a%0Ab'],
    ['with a NUL', 'user_id=a%00'],
    ['with a DEL', 'user_id=a%7F'],
    ['with a slash', 'user_id=a%2Fb'],
    ['with a percent sign', 'user_id=a%25b'],
    ['with a letter beyond ASCII', 'user_id=%C3%A9'],
    ['a dot segment', 'user_id=..'],
  ])('%s is refused and named', async (_, query) => {
    const response = await expectRefusal(() => auth(`?redirect_uri=${redirectUri}&${query}`));
    const { status, code, detail } = await readProblem(response);
    expect({ status, code }).toEqual({ status: 400, code: 'invalid_parameter' });
    expect(detail).toMatch(/^user_id: /);
  });

  test('with a bare + is told how to write a plus sign', async () => {
    const response = await expectRefusal(() => auth(`?redirect_uri=${redirectUri}&user_id=a+b`));
    expect((await readProblem(response)).detail).toContain('%2B');
  });
});

describe('a browser', () => {
  test('reads the words of the problem on a page', async () => {
    const query = '?user_id=ada&redirect_uri=https%3A%2F%2Fevil.example%2F';
    const { title, detail, code } = await readProblem(await auth(query));
    const page = await expectRefusal(() => auth(query, app.id, 'text/html,application/xhtml+xml'));
    expect(page.status).toBe(400);
    expect(page.headers.get('Content-Type')).toMatch(/^text\/html/);
    const text = wordsOf(await page.text());
    for (const words of [title, detail, code])
      expect(text).toContain(words.replaceAll('`', ' ').replaceAll(/ +/g, ' '));
  });

  test.each([
    ['user_id', `?redirect_uri=${redirectUri}&user_id=%3Cimg%20src%3Dx%3E`],
    ['redirect_uri', '?user_id=ada&redirect_uri=%3Cimg%20src%3Dx%3E'],
    ['redirect_uri near a registered one', `?user_id=ada&redirect_uri=${redirectUri}%3Cimg%20src%3Dx%3E`],
    ['session', '?session=%3Cimg%20src%3Dx%3E'],
  ])('is shown no markup from the %s', async (_, query) => {
    for (const accept of ['text/html', 'application/json']) {
      expect(await (await auth(query, app.id, accept)).text()).not.toContain('<img');
    }
  });
});

/** The text of a page: what stands between backticks in JSON stands in `code` here. */
const wordsOf = (html: string): string =>
  html
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
