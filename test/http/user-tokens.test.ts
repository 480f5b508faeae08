import { beforeAll, describe, expect, test } from 'vitest';

import { type Broker, connect, makeApp, startBroker, type TestApp } from '../support/broker.ts';

const PAGE = 'https://page.example.org';

let broker: Broker;
let app: TestApp;
beforeAll(async () => {
  broker = await startBroker();
  app = await makeApp(broker);
  const [person] = [...broker.simulator.state.people.list()];
  await connect(broker, app, 'ada', person?.id ?? '');
});

const mint = async (userId: string, from: TestApp = app): Promise<string> =>
  (await (await from.call('POST', '/withings/user-tokens', { user_id: userId })).json<{ token: string }>()).token;

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
    const answer = await bearing(await mint('eve'), method, `${path}ada${rest}`);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: 'invalid_api_key' });
  });

  test('is refused by another app that knows a user of the same name', async () => {
    const other = await makeApp(broker, 'Other');
    const token = await mint('ada', other);
    expect((await bearing(token, 'GET', '/withings/status/ada')).status).toBe(401);
  });

  test('mints nothing, confirms nothing, and does not show the connection', async () => {
    const token = await mint('ada');
    const answers = await Promise.all([
      bearing(token, 'GET', '/withings/connections/ada'),
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
    const token = await mint('ada');
    await broker.manage('PATCH', `/apps/${app.id}`, { disabled: true });
    expect((await bearing(token, 'GET', '/withings/status/ada')).status).toBe(403);
    await broker.manage('PATCH', `/apps/${app.id}`, { disabled: false });
    broker.advance(61 * 60_000);
    expect((await bearing(token, 'GET', '/withings/status/ada')).status).toBe(401);
  });

  test.each(TAKEN)('is taken for its own user: %s %s', async (method, path, rest) => {
    expect((await bearing(await mint('ada'), method, `${path}ada${rest}`)).status).toBe(200);
  });

  test('disconnects its own user', async () => {
    await connect(broker, app, 'leaver', [...broker.simulator.state.people.list()][1]?.id ?? '');
    const token = await mint('leaver');
    expect((await bearing(token, 'DELETE', '/withings/disconnect/eve')).status).toBe(401);
    expect((await bearing(token, 'DELETE', '/withings/disconnect/leaver')).status).toBe(200);
    expect(await (await bearing(token, 'GET', '/withings/status/leaver')).json()).toEqual({ connected: false });
  });
});

describe('a page of another origin', () => {
  test.each(['/withings/connections/ada', '/withings/user-tokens', '/keys', '', '/redirect-uris'])(
    'may not call %s',
    async (path) => {
      const preflight = await broker.request(`/apps/${app.id}${path}`, {
        method: 'OPTIONS',
        headers: { Origin: PAGE, 'Access-Control-Request-Method': 'POST' },
      });
      expect(preflight.headers.get('Access-Control-Allow-Origin')).toBeNull();
      const answer = await broker.request(`/apps/${app.id}${path}`, { headers: { Origin: PAGE } });
      expect(answer.headers.get('Access-Control-Allow-Origin')).toBeNull();
    },
  );

  test('may call what takes a user token, with a bearer and without cookies', async () => {
    const preflight = await broker.request(`/apps/${app.id}/metrics/ada`, {
      method: 'OPTIONS',
      headers: {
        Origin: PAGE,
        'Access-Control-Request-Method': 'GET',
        'Access-Control-Request-Headers': 'authorization',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('Access-Control-Allow-Origin')).toBe('*');
    expect(preflight.headers.get('Access-Control-Allow-Credentials')).toBeNull();
    expect(preflight.headers.get('Access-Control-Allow-Headers')?.toLowerCase()).not.toContain('x-api-key');
    const read = await bearing(await mint('ada'), 'GET', '/metrics/ada', { Origin: PAGE });
    expect(read.status).toBe(200);
    expect(read.headers.get('Access-Control-Allow-Origin')).toBe('*');
    expect(read.headers.get('Access-Control-Expose-Headers')).toMatch(/Content-Disposition.*ETag.*Link/);
  });

  test('may not use an API key of an app that refuses it, however it is sent', async () => {
    await broker.manage('PATCH', `/apps/${app.id}`, { refuse_browser_keys: true });
    for (const header of [{ 'X-API-Key': app.key }, { Authorization: `Bearer ${app.key}` }]) {
      const path = `/apps/${app.id}/withings/status/ada`;
      const answer = await broker.request(path, { headers: { ...header, Origin: PAGE } });
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ code: 'browser_key_refused' });
      expect((await broker.request(path, { headers: { ...header, Origin: 'null' } })).status).toBe(403);
      expect((await broker.request(path, { headers: header })).status).toBe(200);
    }
    expect((await bearing(await mint('ada'), 'GET', '/withings/status/ada', { Origin: PAGE })).status).toBe(200);
  });
});
