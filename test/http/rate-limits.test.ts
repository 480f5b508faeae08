import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';

import { mintCredential } from '../../src/crypto/credential.ts';
import { authPath, connect, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { dashboardBrowser } from '../support/dashboard.ts';
import { makeDeveloper } from '../support/developer.ts';
import { seedHistory } from '../support/seed.ts';

const statusPath = (appId: string): string => `/apps/${appId}/withings/status/ada`;

/** A rate limit binding as Cloudflare's: so many a key, then no more. */
const limitedTo = (most: number) => {
  const counts = new Map<string, number>();
  return {
    counts,
    limit: async ({ key = '' }: { key?: string }) => {
      counts.set(key, (counts.get(key) ?? 0) + 1);
      return { success: (counts.get(key) ?? 0) <= most };
    },
  };
};

const started = async () => {
  const rates = {
    AUTH_RATE: limitedTo(2),
    CALLBACK_RATE: limitedTo(2),
    NETWORK_RATE: limitedTo(4),
    FAILED_RATE: limitedTo(2),
    APP_RATE: limitedTo(2),
    USER_RATE: limitedTo(2),
    MANAGER_RATE: limitedTo(2),
  };
  const broker = await startBroker({ bindings: rates });
  const app = await makeApp(broker);
  const from = (address: string, path: string, headers: Record<string, string> = {}) =>
    broker.request(path, { headers: { 'CF-Connecting-IP': address, ...headers } });
  return { rates, broker, app, from };
};

test('who opens links too fast is told how long to wait, before anything is written', async () => {
  const { app, from } = await started();
  for (const status of [302, 302, 429]) expect((await from('203.0.113.7', authPath(app, 'ada'))).status).toBe(status);
  const braked = await from('203.0.113.7', authPath(app, 'ada'));
  expect(braked.headers.get('Retry-After')).toBe('60');
  expect(braked.headers.getSetCookie()).toEqual([]);
  expect((await from('203.0.113.8', authPath(app, 'ada'))).status).toBe(302);
});

test('an IPv6 household counts as one, and X-Forwarded-For as nobody', async () => {
  const { app, from, rates } = await started();
  for (const host of ['1', '2', '3'])
    await from(`2001:db8:1:2::${host}`, authPath(app, 'ada'), { 'X-Forwarded-For': host });
  expect([...rates.AUTH_RATE.counts]).toEqual([['2001:0db8:0001:0002', 3]]);
  rates.AUTH_RATE.counts.clear();
  // The zeros that `::` stands for may be of the network itself.
  for (const host of ['::1', '::2', '::1:2:3:4', '::9:8:7:6']) await from(`2001:db8${host}`, authPath(app, 'ada'));
  expect([...rates.AUTH_RATE.counts]).toEqual([['2001:0db8:0000:0000', 4]]);
});

test.each(['?code=abc&state=x', '?state=x&error=access_denied'])(
  'who comes back too often (%s) waits too',
  async (query) => {
    const { from } = await started();
    for (const status of [400, 400, 429])
      expect((await from('203.0.113.7', `/withings/callback${query}`)).status).toBe(status);
    const refused = await from('203.0.113.7', `/withings/callback${query}`);
    expect(refused.headers.get('Retry-After')).toBe('60');
    expect((await from('203.0.113.8', `/withings/callback${query}`)).status).toBe(400);
  },
);

test('Withings may look whether the callback is there as often as it likes', async () => {
  const { from, rates } = await started();
  for (let probes = 0; probes < 5; probes += 1) {
    expect((await from('203.0.113.7', '/withings/callback')).status).toBe(200);
  }
  expect(rates.CALLBACK_RATE.counts.size).toBe(0);
});

test.each([
  ['links opened', 302, (app: TestApp) => authPath(app, 'ada')],
  ['callbacks', 400, () => '/withings/callback?code=abc&state=x'],
  ['bad credentials', 401, (app: TestApp) => `/apps/${app.id}/withings/status/ada`],
])('all households of one IPv6 /48 have a limit together: %s', async (_, status, path) => {
  const { app, from } = await started();
  const answers: number[] = [];
  for (let household = 0; household < 6; household += 1) {
    answers.push((await from(`2001:db8:77:${household.toString(16)}::1`, path(app))).status);
  }
  expect(answers).toEqual([status, status, status, status, 429, 429]);
  expect((await from('2001:db8:78::1', path(app))).status).toBe(status);
});

test('a rate limit of the platform that fails holds nobody up, and the log says so', async () => {
  const broken = { limit: () => Promise.reject(new Error('internal error; reference = x')) };
  const broker = await startBroker({
    bindings: { AUTH_RATE: broken, CALLBACK_RATE: broken, NETWORK_RATE: broken, FAILED_RATE: broken, APP_RATE: broken },
  });
  const app = await makeApp(broker);
  const headers = { 'CF-Connecting-IP': '2001:db8::1' };
  expect((await broker.request(authPath(app, 'ada'), { headers })).status).toBe(302);
  expect((await broker.request('/withings/callback?code=abc&state=x', { headers })).status).toBe(400);
  expect((await broker.request(statusPath(app.id), { headers })).status).toBe(401);
  expect((await broker.request(statusPath(app.id), { headers: { ...headers, 'X-API-Key': app.key } })).status).toBe(
    200,
  );
  const line = { level: 'warn', event: 'rate_limit', outcome: 'unavailable' };
  expect(broker.logs.filter(({ event }) => event === 'rate_limit')).toEqual(Array.from({ length: 7 }, () => line));
});

test('who brings bad credentials too often is told to wait, and a good one from there still passes', async () => {
  const { app, from } = await started();
  const path = `/apps/${app.id}/withings/status/ada`;
  for (const status of [401, 401, 429])
    expect((await from('203.0.113.7', path, { 'X-API-Key': 'no' })).status).toBe(status);
  const braked = await from('203.0.113.7', path, { 'X-API-Key': 'no' });
  expect(braked.headers.get('Retry-After')).toBe('60');
  expect(braked.headers.get('WWW-Authenticate')).toBeNull();
  expect(await braked.json()).toMatchObject({ code: 'rate_limited' });
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
    const minted = await app.call('POST', '/withings/user-tokens', { user_id: 'ada' });
    const { token } = await minted.json<{ token: string }>();
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

test('an app that asks too often is told to wait, and no other app, nor can a stranger use up its pace', async () => {
  const { broker, app, from } = await started();
  const other = await makeApp(broker, 'Other');
  const path = `/apps/${app.id}/withings/status/ada`;
  await from('203.0.113.9', path, { 'X-API-Key': other.key });
  for (const status of [200, 200, 429]) {
    expect((await from('203.0.113.7', path, { 'X-API-Key': app.key })).status).toBe(status);
  }
  const others = await from('203.0.113.7', `/apps/${other.id}/withings/status/ada`, { 'X-API-Key': other.key });
  expect(others.status).toBe(200);
});

test('on a developer’s machine nothing is braked', async () => {
  const { app, from, rates } = await started();
  for (let requests = 0; requests < 5; requests += 1) {
    expect((await from('127.0.0.1', authPath(app, 'ada'))).status).toBe(302);
    expect((await from('::1', `/apps/${app.id}/withings/status/ada`, { 'X-API-Key': app.key })).status).toBe(200);
    expect((await from('::1', `/apps/${app.id}/withings/status/ada`)).status).toBe(401);
  }
  expect(Object.values(rates).map(({ counts }) => counts.size)).toEqual(Object.values(rates).map(() => 0));
});

test('a person who asks too often with their user token waits alone, and uses up nothing of their app', async () => {
  const { rates, broker, app } = await started();
  const tokenOf = async (userId: string) =>
    (await (await app.call('POST', '/withings/user-tokens', { user_id: userId })).json<{ token: string }>()).token;
  const [adas, adasOther, bobs] = [await tokenOf('ada'), await tokenOf('ada'), await tokenOf('bob')];
  const ask = (userId: string, token: string, address = '203.0.113.7') =>
    broker.request(`/apps/${app.id}/withings/status/${userId}`, {
      headers: { Authorization: `Bearer ${token}`, 'CF-Connecting-IP': address },
    });
  for (const [token, address] of [
    [adas, '203.0.113.7'],
    [adasOther, '203.0.113.8'],
  ] as const) {
    expect((await ask('ada', token, address)).status).toBe(200);
  }
  rates.APP_RATE.counts.clear();
  for (let asked = 0; asked < 5; asked += 1) {
    const refused = await ask('ada', adas);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('Retry-After')).toBe('60');
  }
  expect(rates.APP_RATE.counts.size).toBe(0);
  expect((await ask('bob', bobs)).status).toBe(200);
});

test('who manages apps has a limit by account, whichever token, through the API and the dashboard', async () => {
  const { broker } = await started();
  const one = await makeDeveloper(broker);
  const second = await broker.manage('POST', `/accounts/${one.accountId}/tokens`, { name: 'second' });
  const { token } = await second.json<{ token: string }>();
  const other = await makeDeveloper(broker);
  const headers = { 'CF-Connecting-IP': '203.0.113.7' };
  const ask = (bearer: string) =>
    broker.request('/whoami', { headers: { ...headers, Authorization: `Bearer ${bearer}` } });
  expect((await ask(one.token)).status).toBe(200);
  expect((await ask(token)).status).toBe(200);
  expect((await ask(one.token)).status).toBe(429);
  expect((await ask(other.token)).status).toBe(200);

  const browser = dashboardBrowser({
    origin: broker.origin,
    request: (path, init) => broker.request(path, { ...init, headers: { ...init.headers, ...headers } }),
  });
  await browser.signIn(broker.operatorToken);
  const refused = await browser.get('/dashboard/apps');
  expect(refused.status).toBe(429);
  expect(refused.headers.get('Retry-After')).toBe('60');
});

test.each(['a user token', 'a key'])('what reads many rows counts as many requests, by %s', async (by) => {
  const { rates, broker, app } = await started();
  const [person] = [...broker.simulator.state.people.list()];
  await connect(broker, app, 'ada', person?.id ?? '');
  const id = await env.DB.prepare('SELECT id FROM connections WHERE app_id = ?').bind(app.id).first<number>('id');
  await seedHistory(id ?? 0, 2_200, Math.floor(broker.now() / 1000));
  const minted = await app.call('POST', '/withings/user-tokens', { user_id: 'ada' });
  const { token } = await minted.json<{ token: string }>();
  const ask = (query: string) =>
    broker.request(`/apps/${app.id}/metrics/ada/monthly?${query}`, {
      headers: { Authorization: `Bearer ${by === 'a key' ? app.key : token}`, 'CF-Connecting-IP': '203.0.113.7' },
    });
  const taken = () => [...(by === 'a key' ? rates.APP_RATE : rates.USER_RATE).counts.values()];
  expect((await ask('metric=weight&from=2026-01-01')).status).toBe(200);
  expect(taken()).toEqual([1]);
  expect((await ask('metric=all')).status).toBe(200);
  expect(taken()[0]).toBeGreaterThanOrEqual(20);
  expect((await ask('metric=weight&from=2026-01-01')).status).toBe(429);
});
