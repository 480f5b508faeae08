import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';

import { HOUR_MS } from '../../src/domain/time.ts';
import type { Kv } from '../../src/store/kv.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { meterKv } from '../support/meters.ts';
import { readProblem } from '../support/problem.ts';

/** `/healthz`, as a load balancer, a monitor and a person ask it. */

const d1 = meterD1(env.DB);
const kv = meterKv(env.LINKS);
let broker: Broker;

beforeEach(async () => {
  await emptyTables();
  d1.failWhen(undefined);
  kv.fail();
  broker = await startBroker({ bindings: { DB: d1.d1, LINKS: kv.kv } });
});

const ask = (headers: Record<string, string> = {}) => {
  broker.advance(10_000);
  return broker.request('/healthz', { headers });
};
const checks = async () => (await (await ask()).json<{ checks: Record<string, string> }>()).checks;
const WELL = { database: 'ok', migrations: 'ok', links: 'ok', keyring: 'ok', cron: 'ok' };

test('a database that does not answer, or has not its tables, is 503 to a balancer and a page to a person', async () => {
  for (const [fault, words] of [
    ['refused', /does not answer/],
    ['mistaken', /lacks migrations/],
  ] as const) {
    d1.failWhen(() => fault);
    const answer = await ask();
    expect([answer.status, answer.headers.get('Retry-After')]).toEqual([503, '10']);
    const problem = await readProblem(answer);
    expect(problem.code).toBe('not_serving');
    expect(problem.detail).toMatch(words);
    expect(`${problem.title} ${problem.detail}`).not.toMatch(/D1|column|SQLITE/i);
    const page = await ask({ Accept: 'text/html' });
    expect([page.status, page.headers.get('Content-Type')]).toEqual([503, expect.stringMatching(/^text\/html/)]);
    expect(await page.text()).toMatch(words);
  }
  d1.failWhen(undefined);
  expect(await (await ask()).json()).toEqual({ ok: true, checks: WELL });
});

test('a database behind the code is 503, one ahead of it is not', async () => {
  const [last] = (
    await env.DB.prepare('SELECT * FROM d1_migrations ORDER BY id DESC LIMIT 1').all<{ id: number; name: string }>()
  ).results;
  const rename = (name: string) =>
    env.DB.prepare('UPDATE d1_migrations SET name = ? WHERE id = ?').bind(name, last?.id).run();
  await rename('0000_earlier.sql');
  expect((await ask()).status).toBe(503);
  await rename('9999_last.sql');
  expect((await ask()).status).toBe(200);
  await rename(last?.name ?? '');
  expect((await ask()).status).toBe(200);
});

test('KV that cannot be read makes it worse and takes nothing away', async () => {
  kv.fail('get');
  const answer = await ask();
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ ok: true, checks: { ...WELL, links: 'failing' } });
});

test('a key that stored tokens need, and a cron that does not come, are told, and a person reads what follows', async () => {
  const walk = { startedAt: 1, afterId: 1, counts: { k0: 1 }, resealed: 0, broken: 0 };
  const state = JSON.stringify({ keyId: 'k1', promotedAt: 1, last: { ...walk, finishedAt: 1 } });
  await env.DB.prepare(`INSERT INTO broker_state (name, value, updated_at) VALUES ('keyring', ?, 0)`).bind(state).run();
  const app = await makeApp(broker);
  await connect(broker, app, 'ada-lovelace', 'nora');
  expect(await checks()).toEqual({ ...WELL, keyring: 'failing' });
  broker.advance(4 * HOUR_MS);
  expect(await checks()).toEqual({ ...WELL, keyring: 'failing', cron: 'failing' });
  await broker.settle();
  const page = await (await ask({ Accept: 'text/html' })).text();
  expect(page).toContain('The broker answers, and something is wrong');
  expect(page).toContain('lacks a key that stored tokens need');
  expect(page).toContain('does not come');
  expect(page).not.toMatch(/k0|ada|app_/);
  await broker.tick();
  expect(await checks()).toMatchObject({ cron: 'ok' });
});

test('a cron that comes and cannot keep up is not one that does not come', async () => {
  const app = await makeApp(broker);
  await connect(broker, app, 'ada', 'nora');
  broker.advance(4 * HOUR_MS);
  broker.simulator.state.faults.add({ kind: 'http_500', action: 'requesttoken' });
  await broker.tick();
  await env.DB.prepare('UPDATE connections SET next_refresh_at = 1').run();
  expect(await checks()).toMatchObject({ cron: 'ok' });
});

test('however often it is asked, it looks once in ten seconds: one round trip, few rows, one read of KV, nothing written', async () => {
  await ask();
  d1.reset();
  kv.reset();
  for (let asked = 0; asked < 50; asked += 1) expect((await broker.request('/healthz')).status).toBe(200);
  expect([d1.calls(), kv.operations]).toEqual([0, []]);
  await ask();
  await broker.settle();
  expect([d1.calls(), d1.rowsWritten(), kv.operations]).toEqual([1, 0, ['get']]);
  expect(d1.rowsRead()).toBeLessThanOrEqual(6);
});

test('200 who ask at once share one look, and so do 200 more when it is old', async () => {
  for (let storms = 0; storms < 2; storms += 1) {
    d1.reset();
    kv.reset();
    const answers = await Promise.all(Array.from({ length: 200 }, () => broker.request('/healthz')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect([d1.calls(), kv.operations]).toEqual([1, ['get']]);
    broker.advance(10_000);
  }
});

test('a look that never ends, as when its request was cut off, holds the others up for seconds only', async () => {
  let stuck = true;
  const hanging: Kv = {
    ...env.LINKS,
    get: () => (stuck ? new Promise(() => undefined) : Promise.resolve(null)),
  };
  const hung = await startBroker({ bindings: { DB: d1.d1, LINKS: hanging } });
  void hung.request('/healthz');
  await scheduler.wait(20);
  stuck = false;
  const before = hung.now();
  expect((await hung.request('/healthz')).status).toBe(200);
  expect(hung.now() - before).toBeLessThanOrEqual(6_000);
});
