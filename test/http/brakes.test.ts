import { expect, test } from 'vitest';

import { authPath, makeApp, startBroker } from '../support/broker.ts';

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
  const rates = { AUTH_RATE: limitedTo(2), FAILED_RATE: limitedTo(2), APP_RATE: limitedTo(2) };
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
  expect([...rates.AUTH_RATE.counts]).toEqual([['2001:db8:1:2', 3]]);
  rates.AUTH_RATE.counts.clear();
  // The zeros that `::` stands for may be of the network itself.
  for (const host of ['::1', '::2', '::1:2:3:4', '::9:8:7:6']) await from(`2001:db8${host}`, authPath(app, 'ada'));
  expect([...rates.AUTH_RATE.counts]).toEqual([['2001:db8:0:0', 4]]);
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
  expect(Object.values(rates).map(({ counts }) => counts.size)).toEqual([0, 0, 0]);
});
