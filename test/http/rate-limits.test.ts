import { expect, test } from 'vitest';

import { authPath, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { startLimited } from '../support/start-limited.ts';

const statusPath = (appId: string): string => `/apps/${appId}/withings/status/ada`;

test('who opens links too fast is told how long to wait, before anything is written', async () => {
  const { app, from } = await startLimited();
  for (const status of [302, 302, 429]) expect((await from('203.0.113.7', authPath(app, 'ada'))).status).toBe(status);
  const limited = await from('203.0.113.7', authPath(app, 'ada'));
  expect(limited.headers.get('Retry-After')).toBe('60');
  expect(limited.headers.getSetCookie()).toEqual([]);
  expect((await from('203.0.113.8', authPath(app, 'ada'))).status).toBe(302);
});

test('an IPv6 household counts as one, and X-Forwarded-For as nobody', async () => {
  const { app, from, rates } = await startLimited();
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
    const { from } = await startLimited();
    for (const status of [400, 400, 429])
      expect((await from('203.0.113.7', `/withings/callback${query}`)).status).toBe(status);
    const refused = await from('203.0.113.7', `/withings/callback${query}`);
    expect(refused.headers.get('Retry-After')).toBe('60');
    expect((await from('203.0.113.8', `/withings/callback${query}`)).status).toBe(400);
  },
);

test('Withings may look whether the callback is there as often as it likes', async () => {
  const { from, rates } = await startLimited();
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
  const { app, from } = await startLimited();
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
  expect(broker.logs.filter(({ event }) => event === 'rate_limit')).toEqual(Array.from({ length: 8 }, () => line));
});

test('on a developer’s machine nothing is limited', async () => {
  const { app, from, rates } = await startLimited();
  for (let requests = 0; requests < 5; requests += 1) {
    expect((await from('127.0.0.1', authPath(app, 'ada'))).status).toBe(302);
    expect((await from('::1', `/apps/${app.id}/withings/status/ada`, { 'X-API-Key': app.key })).status).toBe(200);
    expect((await from('::1', `/apps/${app.id}/withings/status/ada`)).status).toBe(401);
  }
  expect(Object.values(rates).map(({ counts }) => counts.size)).toEqual(Object.values(rates).map(() => 0));
});
