import { env } from 'cloudflare:workers';
import { afterAll, beforeEach, expect, test } from 'vitest';

import { PLANS } from '../../src/domain/plan.ts';
import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { PAGE_READS, REFRESH_READS, SUBSCRIPTION_READS, SYNC_READS } from '../support/costs.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { addPerson, DAY } from '../support/people.ts';
import { DUE_MS } from '../support/refreshing.ts';

/**
 * The rows that a day reads, which the free plan bounds at five million: the table in docs/data-model.md. The figures
 * are printed.
 */

const MINUTE_MS = 60_000;
const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;
let ada: Person;
const figures: string[] = [];

type Device = 'body_plus' | 'body_scan';

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker({ bindings: { DB: d1.d1 } });
  app = await makeApp(broker);
});
afterAll(() => console.log(figures.join('\n')));

const weigh = (device: Device, day: number) =>
  broker.simulator.state.weighIns.add(ada, {
    weightKg: 70 + (day % 40) / 10,
    fatRatio: 21.3,
    date: Math.floor(broker.now() / 1000) - day * DAY,
    device,
  });

const sync = async (): Promise<unknown> => {
  broker.advance(MINUTE_MS);
  d1.reset();
  const answer = await app.call('POST', '/withings/sync/ada');
  return answer.json();
};

const history = async (device: Device, days: number): Promise<void> => {
  ada = addPerson(broker, 'ada', 'Europe/Lisbon');
  for (let day = 0; day < days; day += 1) weigh(device, day);
  await connect(broker, app, 'ada', 'ada');
  for (let complete = false; !complete;) ({ complete } = (await sync()) as { complete: boolean });
  // Withings is asked for what changed since the newest: that of one day.
  broker.advance(DAY * 1000);
  weigh(device, 0);
  await sync();
  broker.advance(MINUTE_MS);
};

/** What the tables say is the measured figure, not an estimate above it. */
const expectRows = (what: string, stated: number, rows = d1.rowsRead()): void => {
  figures.push(`${what}: ${rows} rows read, stated as ${stated}`);
  expect([what, rows <= stated, rows > 0.95 * stated]).toEqual([what, true, true]);
};

test.each(['body_plus', 'body_scan'] as const)(
  'a sync of a daily %s reads two rows a group of the last 30 days, as the tables state',
  async (device) => {
    const { weighIn, nothing, poll } = SYNC_READS[device];
    await history(device, 60);
    expect(await sync()).toMatchObject({ added: 0, changed: 0, removed: 0, complete: true });
    expectRows(`${device}: nothing new`, nothing);
    weigh(device, 0);
    expect(await sync()).toMatchObject({ changed: 0, removed: 0, complete: true });
    expectRows(`${device}: a weigh-in`, weighIn);
    broker.advance(DAY * 1000);
    d1.reset();
    broker.logs.length = 0;
    await broker.tick();
    const done = broker.logs.filter(({ outcome }) => outcome === 'refreshed' || outcome === 'reviewed');
    expect(done.map(({ event }) => event).toSorted()).toEqual(['refresh', 'tick']);
    expectRows(`${device}: a tick with a poll that refreshes and reads an older window`, poll);
  },
);

test('a tick of refreshes reads as many rows for each as the tables state', async () => {
  const users = Array.from({ length: PLANS.free.refreshBatch }, (_, index) => `user-${index}`);
  for (const user of users) await connect(broker, app, user, 'nora');
  await broker.settle();
  broker.advance(DUE_MS);
  d1.reset();
  await broker.tick();
  const refreshed = broker.logs.filter(({ event, outcome }) => event === 'refresh' && outcome === 'refreshed');
  expect(refreshed).toHaveLength(users.length);
  expectRows('a refresh by the cron', REFRESH_READS, d1.rowsRead() / users.length);
});

test('a page of 100 values reads as many rows as the tables state', async () => {
  await history('body_plus', 120);
  d1.reset();
  const page = await app.call('GET', '/metrics/ada?metric=weight&limit=100');
  expect((await page.json<{ data: object[] }>()).data).toHaveLength(100);
  expectRows('a page of 100 values', PAGE_READS);
});

test('the weekly look at a subscription reads as many rows as the tables state', async () => {
  broker = await startBroker({ bindings: { DB: d1.d1, NOTIFY_APPLI: '1,2,4' } });
  app = await makeApp(broker);
  await history('body_plus', 2);
  for (let ticks = 0; ticks < 5; ticks += 1) {
    broker.advance(MINUTE_MS);
    await broker.tick();
  }
  broker.advance(7 * DAY * 1000);
  await sync();
  await env.DB.prepare('UPDATE connections SET next_review_at = NULL').run();
  const asked = () => broker.simulator.state.calls.list().filter(({ action }) => action === 'list').length;
  const before = asked();
  d1.reset();
  await broker.tick();
  expect(asked()).toBe(before + 1);
  expectRows('a tick that looks at a subscription', SUBSCRIPTION_READS);
});
