import { env } from 'cloudflare:workers';
import { afterAll, beforeEach, expect, test } from 'vitest';

import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';

/** The rows that a day reads, which the free plan bounds at five million: the table in docs/data-model.md. The figures are printed. */

const DAY = 86_400;
const MINUTE_MS = 60_000;
/** The key, the connection, its quota and its sources, the kinds of its groups, and the series that lead to them. */
/** 30 days, today, and the day that a widened question reaches (see `VARIATIONS`). */
const DAYS_READ = 32;
const CONSTANT = 60;

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
  const fields = { id: 'ada', userid: 90_000_001, name: 'ada', description: '', timezone: 'Europe/Lisbon' };
  const made = broker.simulator.state.people.add(fields);
  if (made === null) throw new Error('taken');
  ada = made;
  for (let day = 0; day < days; day += 1) weigh(device, day);
  await connect(broker, app, 'ada', 'ada');
  for (let complete = false; !complete;) ({ complete } = (await sync()) as { complete: boolean });
  // Withings is asked for what changed since the newest: that of one day.
  broker.advance(DAY * 1000);
  weigh(device, 0);
  await sync();
  broker.advance(MINUTE_MS);
};

const expectRows = (what: string, most: number): void => {
  figures.push(`${what}: ${d1.rowsRead()} rows read, at most ${most}`);
  expect(d1.rowsRead(), what).toBeLessThanOrEqual(most);
};

test.each([
  { device: 'body_plus' as const, groups: 1 },
  { device: 'body_scan' as const, groups: 4 },
])(
  'a sync of a daily $device that finds nothing reads two rows a group of the last 30 days',
  async ({ device, groups }) => {
    await history(device, 60);
    expect(await sync()).toMatchObject({ added: 0, changed: 0, removed: 0, complete: true });
    expectRows(`${device}: nothing new`, 2 * DAYS_READ * groups + CONSTANT);
    const added = weigh(device, 0).flatMap(({ measures }) => measures).length;
    expect(await sync()).toMatchObject({ changed: 0, removed: 0, complete: true });
    expectRows(`${device}: a weigh-in`, 2 * DAYS_READ * groups + 4 * added + CONSTANT);
    broker.advance(DAY * 1000);
    d1.reset();
    await broker.tick();
    expectRows(`${device}: a tick with a review of an older window`, 2 * DAYS_READ * groups + 2 * CONSTANT);
  },
);
