import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { connect, makeApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { dashboardBrowser } from '../support/dashboard.ts';
import { makeDeveloper } from '../support/developer.ts';
import { seedHistory } from '../support/seed.ts';
import { startLimited } from '../support/start-limited.ts';

/** The limits of those whose credential is good: apps, people, developers. */

test('an app that asks too often is told to wait, and no other app, nor can a stranger use up its pace', async () => {
  const { broker, app, from } = await startLimited();
  const other = await makeApp(broker, 'Other');
  const path = `/apps/${app.id}/withings/status/ada`;
  // The second one is of a key that this isolate knows to be valid, though for another app.
  const stranger = await makeDeveloper(broker);
  for (let asked = 0; asked < 3; asked += 1) {
    await from('203.0.113.9', path, { 'X-API-Key': other.key });
    await from('203.0.113.9', path, { Authorization: `Bearer ${stranger.token}` });
  }
  for (const status of [200, 200, 429]) {
    expect((await from('203.0.113.7', path, { 'X-API-Key': app.key })).status).toBe(status);
  }
  const others = await from('203.0.113.7', `/apps/${other.id}/withings/status/ada`, { 'X-API-Key': other.key });
  expect(others.status).toBe(200);
});

test('a person who asks too often with their user token waits alone, and uses up nothing of their app', async () => {
  const { rates, broker, app } = await startLimited();
  const [adas, adasOther, bobs] = [await app.userToken('ada'), await app.userToken('ada'), await app.userToken('bob')];
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

test('what a revoked key has minted uses up nothing of the app', async () => {
  const { rates, broker, app, from } = await startLimited();
  const minted = await broker.manage('POST', `/apps/${app.id}/keys`, {
    name: 'leaked',
    scopes: ['read', 'manage-links'],
  });
  const { id, key } = await minted.json<{ id: string; key: string }>();
  const tokenOf = async (user_id: string) => {
    const answer = await broker.request(`/apps/${app.id}/withings/user-tokens`, {
      method: 'POST',
      headers: { 'X-API-Key': key, 'Content-Type': 'application/json' },
      body: JSON.stringify({ user_id }),
    });
    return { user_id, ...(await answer.json<{ token: string }>()) };
  };
  const [ada, bob] = [await tokenOf('ada'), await tokenOf('bob')];
  const ask = async ({ token, user_id }: typeof ada) => {
    const path = `/apps/${app.id}/withings/status/${user_id}`;
    return (await from('203.0.113.7', path, { Authorization: `Bearer ${token}` })).status;
  };
  expect(await ask(ada)).toBe(200);
  await broker.manage('DELETE', `/apps/${app.id}/keys/${id}`);
  expect(await ask(ada)).toBe(401);
  rates.APP_RATE.counts.clear();
  expect(await ask(bob)).toBe(401);
  expect(rates.APP_RATE.counts.size).toBe(0);
});

test.each([
  'a user token',
  'a key',
  'an access token',
  'the token of the operator',
  'an access token, beyond the limit of the account',
])('beyond its limit a caller that is known reads nothing, by %s', async (by) => {
  const d1 = meterD1(env.DB);
  const { app, broker, from, rates } = await startLimited({ DB: d1.d1 });
  const { accountId, token } = await makeDeveloper(broker);
  await env.DB.prepare('UPDATE apps SET account_id = ? WHERE id = ?').bind(accountId, app.id).run();
  const tokens: Record<string, string> = {
    'a key': app.key,
    'a user token': await app.userToken('ada'),
    'the token of the operator': broker.operatorToken,
  };
  const headers = { Authorization: `Bearer ${tokens[by] ?? token}` };
  // One limit is tested: the other one never ends.
  const [unlimited] = by.endsWith('account') ? [rates.APP_RATE] : [rates.MANAGER_RATE];
  unlimited.limit = async () => ({ success: true });
  for (const [status, reads] of [
    [200, true],
    [200, true],
    [429, false],
  ]) {
    d1.reset();
    expect((await from('203.0.113.7', `/apps/${app.id}/metrics/ada?metric=weight`, headers)).status).toBe(status);
    expect(d1.statements.length > 0).toBe(reads);
  }
});

test('who manages apps has a limit by account, whichever token, through the API and the dashboard', async () => {
  const { broker } = await startLimited();
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
  const { rates, broker, app } = await startLimited();
  const [person] = [...broker.simulator.state.people.list()];
  await connect(broker, app, 'ada', person?.id ?? '');
  const id = await env.DB.prepare('SELECT id FROM connections WHERE app_id = ?').bind(app.id).first<number>('id');
  await seedHistory(id ?? 0, 2_200, Math.floor(broker.now() / 1000));
  const token = await app.userToken('ada');
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
