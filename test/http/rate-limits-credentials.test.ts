import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';

import { mintCredential } from '../../src/crypto/credential.ts';
import { makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { startLimited } from '../support/start-limited.ts';

/** The limits of those who bring bad credentials. */

const statusPath = (appId: string): string => `/apps/${appId}/withings/status/ada`;

test('who brings bad credentials too often is told to wait, and a good one from there still passes', async () => {
  const { app, from } = await startLimited();
  const path = `/apps/${app.id}/withings/status/ada`;
  for (const status of [401, 401, 429])
    expect((await from('203.0.113.7', path, { 'X-API-Key': 'no' })).status).toBe(status);
  const limited = await from('203.0.113.7', path, { 'X-API-Key': 'no' });
  expect(limited.headers.get('Retry-After')).toBe('60');
  expect(limited.headers.get('WWW-Authenticate')).toBeNull();
  expect(await limited.json()).toMatchObject({ code: 'rate_limited' });
  expect((await from('203.0.113.7', path, { 'X-API-Key': app.key })).status).toBe(200);
});

describe('a flood of credentials that nobody knows', () => {
  const FLOOD = '203.0.113.7';
  const random = (size: number) => crypto.getRandomValues(new Uint8Array(size));
  const floods: [what: string, path: (appId: string) => string, headers: () => Promise<Record<string, string>>][] = [
    ['API keys', statusPath, async () => ({ 'X-API-Key': await mintCredential('key', random) })],
    [
      'access tokens',
      () => '/apps',
      async () => ({ Authorization: `Bearer ${await mintCredential('access', random)}` }),
    ],
    [
      'session cookies',
      () => '/dashboard/apps',
      async () => ({ Cookie: `__Host-mushu_session=${await mintCredential('session', random)}` }),
    ],
  ];

  test.each(floods)('of %s from one address costs 30 queries a minute, and no more', async (_, path, headers) => {
    const d1 = meterD1(env.DB);
    const broker = await startBroker({ bindings: { DB: d1.d1 } });
    const app = await makeApp(broker);
    const ask = async () =>
      broker.request(path(app.id), { headers: { 'CF-Connecting-IP': FLOOD, ...(await headers()) } });
    for (const minute of ['first', 'second']) {
      d1.reset();
      for (let requests = 0; requests < 40; requests += 1) {
        const answer = await ask();
        expect(answer.status === 429, `${minute} ${requests}`).toBe(requests >= 30);
        if (answer.status === 429) expect(answer.headers.get('Retry-After')).toBe('60');
      }
      expect(d1.calls()).toBe(30);
      broker.advance(60_000);
    }
  });

  test('holds up nobody else: a good key that was used before, a user token, another address; a new key for a minute', async () => {
    const broker = await startBroker();
    const [app, other] = [await makeApp(broker), await makeApp(broker, 'Other')];
    const token = await app.userToken('ada');
    const from = async (address: string, of: TestApp, headers: Record<string, string> = { 'X-API-Key': of.key }) =>
      (await broker.request(statusPath(of.id), { headers: { 'CF-Connecting-IP': address, ...headers } })).status;
    const flood = async () => {
      for (let requests = 0; requests < 30; requests += 1) {
        await from(FLOOD, app, { 'X-API-Key': await mintCredential('key', random) });
      }
    };
    expect(await from(FLOOD, app)).toBe(200);
    await flood();
    expect(await from(FLOOD, app)).toBe(200);
    expect(await from(FLOOD, app, { Authorization: `Bearer ${token}` })).toBe(200);
    expect(await from('203.0.113.8', other)).toBe(200);
    const fresh = await makeApp(broker, 'Fresh');
    expect(await from(FLOOD, fresh)).toBe(429);
    broker.advance(60_000);
    expect(await from(FLOOD, fresh)).toBe(200);
    await flood();
    expect(await from(FLOOD, fresh)).toBe(200);
  });

  test('a key that was good and is revoked is told so at once, and counts from then on', async () => {
    const broker = await startBroker();
    const app = await makeApp(broker);
    const { data } = await (await broker.manage('GET', `/apps/${app.id}/keys`)).json<{ data: { id: string }[] }>();
    const ask = async () =>
      (await broker.request(statusPath(app.id), { headers: { 'CF-Connecting-IP': FLOOD, 'X-API-Key': app.key } }))
        .status;
    expect(await ask()).toBe(200);
    await broker.manage('DELETE', `/apps/${app.id}/keys/${data[0]?.id}`);
    for (let requests = 0; requests < 30; requests += 1) expect(await ask()).toBe(401);
    expect(await ask()).toBe(429);
  });
});
