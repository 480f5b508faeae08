import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';

import { USER_TOKEN } from '../../src/crypto/link-tokens.ts';
import { sign } from '../../src/crypto/signed-token.ts';
import { asUserId } from '../../src/domain/user-id.ts';
import {
  type Broker,
  connect,
  consent,
  makeApp,
  openLink,
  startBroker,
  type TestApp,
  WOMOJI,
} from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { makeDeveloper } from '../support/developer.ts';

const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;
beforeAll(async () => {
  broker = await startBroker({ bindings: { DB: d1.d1 } });
  app = await makeApp(broker);
  const [person] = [...broker.simulator.state.people.list()];
  await connect(broker, app, 'ada', person?.id ?? '');
});

const bearing = (token: string, method: string, path: string, headers: Record<string, string> = {}) =>
  broker.request(`/apps/${app.id}${path}`, { method, headers: { Authorization: `Bearer ${token}`, ...headers } });

const TAKEN = [
  ['GET', '/withings/status/', ''],
  ['POST', '/withings/sync/', ''],
  ['GET', '/metrics/', ''],
  ['GET', '/metrics/', '/latest'],
] as const;

describe('a user token', () => {
  test.each(TAKEN)('is refused for another user: %s %s', async (method, path, rest) => {
    const answer = await bearing(await app.userToken('eve'), method, `${path}ada${rest}`);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: 'invalid_api_key' });
  });

  test('is refused by another app that knows a user of the same name', async () => {
    const other = await makeApp(broker, 'Other');
    const token = await other.userToken('ada');
    expect((await bearing(token, 'GET', '/withings/status/ada')).status).toBe(401);
  });

  test('mints nothing, confirms nothing, and shows neither the connection nor the list of users', async () => {
    const token = await app.userToken('ada');
    const answers = await Promise.all([
      bearing(token, 'GET', '/withings/connections/ada'),
      bearing(token, 'GET', '/withings/connections'),
      broker.request(`/apps/${app.id}/withings/user-tokens`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: '{"user_id":"ada"}',
      }),
      broker.request(`/apps/${app.id}/withings/connect-sessions`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: '{"user_id":"ada","redirect_uri":"womoji://withings/success"}',
      }),
    ]);
    for (const answer of answers) {
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ code: 'user_token_not_taken' });
    }
    expect((await bearing(token, 'GET', '')).status).toBe(401);
  });

  test('ends after an hour, and with the app', async () => {
    const token = await app.userToken('ada');
    await broker.manage('PATCH', `/apps/${app.id}`, { disabled: true });
    expect((await bearing(token, 'GET', '/withings/status/ada')).status).toBe(403);
    await broker.manage('PATCH', `/apps/${app.id}`, { disabled: false });
    broker.advance(61 * 60_000);
    expect((await bearing(token, 'GET', '/withings/status/ada')).status).toBe(401);
  });

  test.each(TAKEN)('is taken for its own user: %s %s', async (method, path, rest) => {
    expect((await bearing(await app.userToken('ada'), method, `${path}ada${rest}`)).status).toBe(200);
  });

  test('disconnects its own user', async () => {
    await connect(broker, app, 'leaver', [...broker.simulator.state.people.list()][1]?.id ?? '');
    const token = await app.userToken('leaver');
    expect((await bearing(token, 'DELETE', '/withings/disconnect/eve')).status).toBe(401);
    expect((await bearing(token, 'DELETE', '/withings/disconnect/leaver')).status).toBe(200);
    expect(await (await bearing(token, 'GET', '/withings/status/leaver')).json()).toEqual({ connected: false });
  });
});

describe('what was minted with a credential ends with it', () => {
  const status = (token: string) => bearing(token, 'GET', '/withings/status/ada');

  test('a user token, when the key is revoked, and none of another key', async () => {
    const created = await broker.manage('POST', `/apps/${app.id}/keys`, { name: 'leaked' });
    const { id, key } = await created.json<{ id: string; key: string }>();
    const minted = await broker.request(`/apps/${app.id}/withings/user-tokens`, {
      method: 'POST',
      headers: { 'X-API-Key': key, 'Content-Type': 'application/json' },
      body: '{"user_id":"ada"}',
    });
    const { token } = await minted.json<{ token: string }>();
    const another = await app.userToken('ada');
    expect((await status(token)).status).toBe(200);
    await broker.manage('DELETE', `/apps/${app.id}/keys/${id}`);
    const refused = await status(token);
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ code: 'invalid_api_key' });
    expect((await bearing(token, 'DELETE', '/withings/disconnect/ada')).status).toBe(401);
    expect((await status(another)).status).toBe(200);
  });

  test.each(['revoked', 'account disabled', 'expired'])(
    'a user token, when the access token is gone: %s',
    async (how) => {
      const owner = await makeDeveloper(broker, { expires_in_days: 1 });
      const theirs = await makeApp(broker, 'Theirs', owner.accountId);
      // So late that the access token expires within the life of what it mints.
      broker.advance(24 * 3_600_000 - 60_000);
      const minted = await broker.request(`/apps/${theirs.id}/withings/user-tokens`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${owner.token}`, 'Content-Type': 'application/json' },
        body: '{"user_id":"ada"}',
      });
      const { token } = await minted.json<{ token: string }>();
      const ask = () =>
        broker.request(`/apps/${theirs.id}/withings/status/ada`, { headers: { Authorization: `Bearer ${token}` } });
      expect((await ask()).status).toBe(200);
      if (how === 'revoked') await broker.manage('DELETE', `/accounts/${owner.accountId}/tokens/${owner.tokenId}`);
      if (how === 'account disabled') await broker.manage('PATCH', `/accounts/${owner.accountId}`, { disabled: true });
      if (how === 'expired') broker.advance(120_000);
      expect((await ask()).status).toBe(401);
    },
  );

  test('a connect session, before it is opened and while its link is under way', async () => {
    const created = await broker.manage('POST', `/apps/${app.id}/keys`, { name: 'leaked' });
    const { id, key } = await created.json<{ id: string; key: string }>();
    const session = async () => {
      const minted = await broker.request(`/apps/${app.id}/withings/connect-sessions`, {
        method: 'POST',
        headers: { 'X-API-Key': key, 'Content-Type': 'application/json' },
        body: JSON.stringify({ user_id: 'mallory', redirect_uri: WOMOJI }),
      });
      return (await minted.json<{ auth_url: string }>()).auth_url;
    };
    const [opened, unopened] = [await session(), await session()];
    const { authorizeUrl, cookies } = await openLink(broker, opened);
    const callback = await consent(broker, authorizeUrl, [...broker.simulator.state.people.list()][2]?.id ?? '');
    await broker.manage('DELETE', `/apps/${app.id}/keys/${id}`);
    const refused = await broker.request(unopened);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ code: 'invalid_parameter' });
    const ended = await broker.request(callback, { headers: { Cookie: cookies } });
    expect(ended.headers.get('Location')).toContain('error=link_not_allowed');
    expect(await (await app.call('GET', '/withings/status/mallory')).json()).toEqual({ connected: false });
  });

  test('and what the release before minted, which names no key, is good until it expires', async () => {
    const { keyring } = await broker.deps();
    const issued = { jti: '1', now: broker.now(), expiresAt: broker.now() + 3_600_000 };
    const token = await sign(keyring, USER_TOKEN, { app: app.id, sub: asUserId('ada') }, issued);
    expect((await status(token)).status).toBe(200);
    broker.advance(3_601_000);
    expect((await status(token)).status).toBe(401);
  });
});

describe('a user token from before an erasure', () => {
  test('is good for nothing, also when the person has linked again, unlike one minted since', async () => {
    const person = [...broker.simulator.state.people.list()][1]?.id ?? '';
    const status = (token: string) => bearing(token, 'GET', '/withings/status/returner');
    const beforeLink = await app.userToken('returner');
    await connect(broker, app, 'returner', person);
    const before = await app.userToken('returner');
    expect((await status(beforeLink)).status).toBe(200);
    await app.call('DELETE', '/users/returner');
    expect((await status(before)).status).toBe(401);
    const between = await app.userToken('returner');
    await connect(broker, app, 'returner', person);
    for (const token of [beforeLink, before]) expect((await status(token)).status).toBe(401);
    for (const token of [between, await app.userToken('returner')]) expect((await status(token)).status).toBe(200);
    expect((await bearing(await app.userToken('ada'), 'GET', '/withings/status/ada')).status).toBe(200);
  });

  test('is remembered no longer than it could have been good for', async () => {
    const marks = () => env.DB.prepare('SELECT count(*) AS n FROM erased_users').first<number>('n');
    expect(await marks()).toBe(1);
    const toMinute47 = (107 - new Date(broker.now()).getUTCMinutes()) % 60;
    broker.advance(toMinute47 * 60_000);
    await broker.tick();
    expect(await marks()).toBe(1);
    broker.advance(2 * 3_600_000);
    await broker.tick();
    expect(await marks()).toBe(0);
  });
});

test('status by a user token is one round trip of at most 4 rows', async () => {
  const token = await app.userToken('ada');
  d1.reset();
  expect((await bearing(token, 'GET', '/withings/status/ada')).status).toBe(200);
  expect([d1.calls(), d1.rowsWritten()]).toEqual([1, 0]);
  expect(d1.rowsRead()).toBeLessThanOrEqual(4);
});
