import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { mintCredential } from '../../src/crypto/credential.ts';
import { OPERATIONS } from '../../src/http/api/reference/operations.ts';
import { type Broker, connect, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { changingNothing, codeOf, readProblem } from '../support/problem.ts';

/** Requests that are refused for their credential before anything is done. */

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
  ['GET', '/withings/connections'],
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
  const withKey = (headers: Record<string, string>, id: string = app.id) =>
    ask(method, `/apps/${id}${path}`, headers, body);

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
    const answered = await words(foreign);
    expect(answered).toMatchObject({ status: 404, code: 'app_not_found' });
    expect(await words(unknown)).toEqual(answered);
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
