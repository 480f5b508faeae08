import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';

import { mintCredential } from '../../src/crypto/credential.ts';
import {
  authPath,
  type Broker,
  connect,
  consent,
  makeApp,
  openLink,
  ORIGIN,
  startBroker,
  type TestApp,
  WEB,
} from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { dashboardBrowser, formToken } from '../support/dashboard.ts';
import { changingNothing } from '../support/problem.ts';

/** Threats of SECURITY.md that are answered by no one part alone; the others are tested where their part is. */

const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;

beforeAll(async () => {
  broker = await startBroker({ bindings: { DB: d1.d1 } });
  app = await makeApp(broker);
});

const random = (size: number) => crypto.getRandomValues(new Uint8Array(size));
const setPolicy = (to: TestApp, policy: string) => broker.manage('PATCH', `/apps/${to.id}`, { link_policy: policy });

test('opening a link says nothing about whether its user is known', async () => {
  await connect(broker, app, 'known', 'nora');
  const shown = async (userId: string) => {
    const { response } = await openLink(broker, authPath(app, userId));
    const head = [...response.headers]
      .filter(([name]) => name !== 'x-request-id')
      .map(([name, value]) => [name, value.replace(/state=[^&]+/, 'state=').replace(/=[0-9a-f]{32};/, '=;')]);
    return { status: response.status, head, body: await response.text() };
  };
  const known = await shown('known');
  expect(known.status).toBe(302);
  expect(await shown('nobody')).toEqual(known);
});

describe('a line break that would split the answer', () => {
  const BREAKS = [
    '%0d%0aX-Planted:%20yes',
    '%0a',
    '%0D',
    '%00',
    '%E5%98%8D%E5%98%8AX-Planted:%20yes',
    '%C2%85',
    '%E2%80%A8',
    '%250d%250a',
  ];
  const uri = encodeURIComponent(WEB);

  test.each([
    ['the redirect_uri', (text: string) => `${authPath(app, 'ada', WEB)}${text}`],
    ['the user_id', (text: string) => `/apps/${app.id}/withings/auth?redirect_uri=${uri}&user_id=ada${text}`],
    ['a connect session', (text: string) => `/apps/${app.id}/withings/auth?session=${text}`],
    ['the state', (text: string) => `/withings/callback?code=a&state=${text}`],
    ['the path', (text: string) => `/apps/${app.id}${text}/withings/auth?user_id=ada&redirect_uri=${uri}`],
    ['a user in the path', (text: string) => `/apps/${app.id}/withings/status/ada${text}`],
  ])('in %s is refused, and stands in no header', async (_, path) => {
    for (const text of BREAKS) {
      const response = await changingNothing(() => broker.request(path(text), { headers: { 'X-API-Key': app.key } }));
      expect([400, 404], text).toContain(response.status);
      expect([...response.headers.keys()], text).not.toContain('x-planted');
      expect([...response.headers.values()].join('\n'), text).not.toMatch(/planted|%0[ad]/i);
    }
  });

  test('is not taken into the allowlist, as it is or percent-encoded', async () => {
    for (const text of BREAKS.flatMap((encoded) => [encoded, decodeURIComponent(encoded)])) {
      const answer = await broker.manage('PUT', `/apps/${app.id}/redirect-uris`, { uri: `${WEB}${text}` });
      expect(answer.status, text).toBe(422);
    }
  });

  test('in what Withings says does not reach the app', async () => {
    const { authorizeUrl } = await openLink(broker, authPath(app, 'denying', WEB));
    const state = new URL(authorizeUrl).searchParams.get('state');
    const query = `state=${state}&error=x%0d%0aX-Planted:%20yes&error_description=%0d%0aX-Planted:%20yes`;
    const response = await broker.request(`/withings/callback?${query}`);
    expect(response.headers.get('Location')).toMatch(
      /^https:\/\/app\.example\.com\/withings\/done\?error=access_denied&error_description=[\w%.-]+$/,
    );
    expect([...response.headers.keys()]).not.toContain('x-planted');
  });
});

test('a ticket that another app on the phone caught is worth nothing without the key of the backend', async () => {
  const careful = await makeApp(broker, 'Careful');
  await setPolicy(careful, 'confirm');
  const landed = await connect(broker, careful, 'ada', 'nora');
  const ticket = new URL(landed.headers.get('Location') ?? '').searchParams.get('ticket');
  const token = await careful.userToken('ada');
  const confirm = (headers: Record<string, string>) =>
    broker.request(`/apps/${careful.id}/withings/confirm`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify({ ticket, user_id: 'ada' }),
    });
  for (const headers of [{}, { 'X-API-Key': ticket ?? '' }, { Authorization: `Bearer ${ticket}` }]) {
    expect((await changingNothing(() => confirm(headers))).status).toBe(401);
  }
  expect((await changingNothing(() => confirm({ Authorization: `Bearer ${token}` }))).status).toBe(403);
  expect((await confirm({ 'X-API-Key': careful.key })).status).toBe(200);
});

test('what is posted is not posted on: a form is answered by 303, and nothing redirects with 307 or 308', async () => {
  const browser = dashboardBrowser({ origin: ORIGIN, request: broker.request });
  await browser.signIn(broker.operatorToken);
  const token = formToken((await browser.get('/dashboard/apps')).html);
  const fields: [string, string][] = [
    ['form_token', token],
    ['name', 'Made by a form'],
  ];
  const answer = await browser.postRaw('/dashboard/apps', fields, { Origin: ORIGIN, 'Sec-Fetch-Site': 'same-origin' });
  expect(answer.status).toBe(303);
  const posted = await broker.request(authPath(app, 'ada'), { method: 'POST', body: 'user_id=ada' });
  expect([posted.status, posted.headers.get('Location')]).toEqual([405, null]);
});

test.each([
  ['/metrics/kept', 'private, no-cache'],
  ['/metrics/kept/latest', 'private, no-cache'],
  ['/metrics/kept/daily?metric=weight', 'private, no-cache'],
  ['/users/kept/export', 'no-store'],
  ['/withings/status/kept', 'no-store'],
])(
  'body data of %s is kept by the client that asked at most, and checked before it is used again',
  async (path, kept) => {
    await connect(broker, app, 'kept', 'nora');
    const answer = await app.call('GET', path);
    expect([answer.status, answer.headers.get('Cache-Control')]).toEqual([200, kept]);
  },
);

test('tokens of another person that a refresh brings are not stored, and the next refresh goes on with those that are', async () => {
  let isMixedUp = false;
  const mixing = await startBroker({
    fetch: (send) => async (input, init) => {
      const answer = await send(input, init);
      const isRefresh = init?.body instanceof URLSearchParams && init.body.get('grant_type') === 'refresh_token';
      if (!isMixedUp || !isRefresh) return answer;
      const { status, body } = await answer.json<{ status: number; body: object }>();
      return Response.json({ status, body: { ...body, userid: 99_999_999 } });
    },
  });
  const mixed = await makeApp(mixing, 'Mixed');
  await connect(mixing, mixed, 'ada', 'nora');
  mixing.advance(4 * 3_600_000);
  const stored = () =>
    env.DB.prepare(
      'SELECT withings_user_id, access_token_sealed, refresh_token_sealed FROM connections WHERE app_id = ?',
    )
      .bind(mixed.id)
      .first();
  const before = await stored();
  isMixedUp = true;
  expect((await mixed.call('POST', '/withings/sync/ada')).status).toBe(503);
  expect(await stored()).toEqual(before);
  expect(await (await mixed.call('GET', '/metrics/ada')).json()).toMatchObject({ data: [] });
  isMixedUp = false;
  mixing.advance(120_000);
  expect((await mixed.call('POST', '/withings/sync/ada')).status).toBe(200);
});

test('an app cannot name another authorization server, and every request goes to the one that the operator set', async () => {
  for (const name of [
    'withings_api_url',
    'authorization_endpoint',
    'token_endpoint',
    'client_id',
    'issuer',
    'callback_url',
  ]) {
    const named = { [name]: 'https://evil.example' };
    for (const [method, path, body] of [
      ['POST', '/apps', { name: 'x', ...named }],
      ['PATCH', `/apps/${app.id}`, named],
    ] as const) {
      const answer = await changingNothing(() => broker.manage(method, path, body));
      expect(await answer.json()).toMatchObject({ status: 400, code: 'invalid_parameter' });
    }
    const query = `${authPath(app, 'ada')}&${name}=https%3A%2F%2Fevil.example`;
    const { authorizeUrl } = await openLink(broker, query);
    expect(authorizeUrl).toMatch(/^https:\/\/account\.withings\.com\/oauth2_user\/authorize2\?/);
    expect(authorizeUrl).not.toContain('evil');
  }
  const callback = await consent(broker, (await openLink(broker, authPath(app, 'ada'))).authorizeUrl, 'nora');
  await broker.request(`${callback}&token_endpoint=https%3A%2F%2Fevil.example&iss=https%3A%2F%2Fevil.example`);
  await app.call('POST', '/withings/sync/ada');
  expect(broker.hostsAsked()).toEqual(['wbsapi.withings.net']);
});

test('a key that is nearly right costs exactly what any other wrong key costs', async () => {
  const bytes = (key: string) =>
    Uint8Array.from(key.slice('mushu_key_'.length, -8).match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  const nearly = bytes(app.key).with(31, (bytes(app.key)[31] ?? 0) ^ 1);
  const cost = async (key: string) => {
    d1.reset();
    const response = await broker.request(`/apps/${app.id}/withings/status/ada`, { headers: { 'X-API-Key': key } });
    expect(response.status).toBe(401);
    const sent = d1.statements.map(({ sql, params, rowsRead }) => ({ sql, params: params.length, rowsRead }));
    // The key itself is not asked for: only its hash, in which near and far look alike.
    expect(JSON.stringify(d1.statements)).not.toContain(key.slice(10, 40));
    return sent;
  };
  const near = await cost(await mintCredential('key', () => nearly));
  expect(near).toHaveLength(1);
  expect(await cost(await mintCredential('key', random))).toEqual(near);
});
