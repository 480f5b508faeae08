import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';

import { type Broker, connect, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';

const PAGE = 'https://page.example.org';

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
    const read = await bearing(await app.userToken('ada'), 'GET', '/metrics/ada', { Origin: PAGE });
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
    expect((await bearing(await app.userToken('ada'), 'GET', '/withings/status/ada', { Origin: PAGE })).status).toBe(
      200,
    );
  });
});
