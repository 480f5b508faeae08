/**
 * A year of a broker: npm run year [-- --connections 1500 --days 365]
 *
 * The broker's own code (the cron's tick every minute, links, Withings' pushes) on SQLite in memory, against the
 * simulated Withings, under a clock that is moved. No app asks for anything. The people link over the first 40 days and
 * are subscribed to notifications. One in twenty weighs in on a given day, at a random moment: Withings pushes, and the
 * broker syncs.
 *
 * By default a twentieth of the 30,000 people runs, in minutes. Figures a day are then multiplied to 30,000, which
 * makes too many polls of them, because the one a tick that bounds them is multiplied too. `--connections 30000` runs
 * the whole size, with NODE_OPTIONS=--max-old-space-size=14000, and says every 30 days how far it is.
 *
 * Rows written are the runs of each kind times what docs/limits.md says of one; links are not counted. Each weigh-in is
 * of weight alone, to save time, but counted as 8 metrics in 3 groups.
 */
import '../../scripts/help.ts';
import { parseArgs } from 'node:util';

import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { computeInline, pause } from '../support/inline-subtle.ts';
import { createYearWorld, type Kind } from './year-world.ts';

const MINUTES_A_DAY = 1_440;
const FULL_SIZE = 30_000;
const PROGRESS_EVERY_DAYS = 30;
const WEIGH_INS_A_DAY = 1 / 20;
const LINKED_OVER_DAYS = 40;
/** Kinds of data that a person is subscribed to: the default of NOTIFY_APPLI. */
const APPLIS = 3;
/** Rows that D1 counts as written: "What one of each costs" in docs/limits.md. */
const WEIGH_IN_ROWS = 4 + 4 + 11 + 2;
const HOURLY_NOTES_OF_A_DAY = 24;
const ROWS: Partial<Record<Kind, number>> = { refresh: 5, poll: 5, olderWindow: 2, list: 7, subscribe: 2 };

const { values } = parseArgs({ options: { connections: { type: 'string' }, days: { type: 'string' } } });
const connections = Number(values.connections ?? FULL_SIZE / 20);
const days = Number(values.days ?? 365);
const linkingDays = Math.min(LINKED_OVER_DAYS, days);
const totalDays = days > LINKED_OVER_DAYS ? days + LINKED_OVER_DAYS : days;

computeInline();
const startsAt = Date.UTC(2026, 0, 1);
const world = await createYearWorld(connections, startsAt);
const { requests, database, simulator } = world;

/** What happens in a minute: the cron, the people who link, and those who weigh in. */
let linked = 0;
let weighIns = 0;
const runMinute = async (minute: number): Promise<void> => {
  world.moveTo(startsAt + minute * MINUTE_MS);
  const toLink = Math.min(connections, Math.ceil((connections * (minute + 1)) / (linkingDays * MINUTES_A_DAY)));
  for (; linked < toLink; linked += 1) await world.link(linked);
  await world.tick();
  const expected = (linked * WEIGH_INS_A_DAY) / MINUTES_A_DAY;
  const count = Math.floor(expected) + (Math.random() < expected % 1 ? 1 : 0);
  for (let index = 0; index < count; index += 1) world.weighIn(Math.floor(Math.random() * linked));
  weighIns += count;
  await world.deliverPushes();
  await pause();
};

type Day = Record<Kind, number> & { weighIns: number };
const since = (before: Day): Day =>
  Object.fromEntries(
    Object.entries({ ...requests, weighIns }).map(([kind, count]) => [kind, count - before[kind as Kind]]),
  ) as Day;
const rowsOf = (day: Day): number =>
  Object.entries(ROWS).reduce((sum, [kind, rows]) => sum + day[kind as Kind] * rows, day.weighIns * WEIGH_IN_ROWS);

const busiest = { refreshes: 0, rows: 0 };
let before: Day = { ...requests, weighIns };
let overdueMs = 0;
const nextDue = database.prepare('SELECT min(next_refresh_at) AS at FROM connections');
const started = performance.now();
for (let day = 0; day < totalDays; day += 1) {
  for (let minute = 0; minute < MINUTES_A_DAY; minute += 1) await runMinute(day * MINUTES_A_DAY + minute);
  const done = since(before);
  before = { ...requests, weighIns };
  busiest.refreshes = Math.max(busiest.refreshes, done.refresh);
  busiest.rows = Math.max(busiest.rows, rowsOf(done));
  overdueMs = Math.max(overdueMs, world.now() - Number(nextDue.get()?.['at']));
  if ((day + 1) % PROGRESS_EVERY_DAYS === 0)
    console.log(`day ${day + 1}: ${linked} linked, ${weighIns} weigh-ins, ${requests.refresh} refreshes`);
}

const one = (sql: string, ...params: number[]): number => Number(database.prepare(sql).get(...params)?.['value']);
const factor = FULL_SIZE / connections;
const aDay = (count: number): number => Math.round((count / totalDays) * factor);
const all = Object.values(requests).reduce((sum, count) => sum + count);
console.table({
  connections,
  'days simulated': totalDays,
  'connections lost': connections - one(`SELECT count(*) AS value FROM connections WHERE state = 'active'`),
  'longest that a refresh was overdue, hours': Math.round(overdueMs / HOUR_MS),
  'weigh-ins that were not stored': weighIns - one('SELECT count(*) AS value FROM groups'),
  'subscriptions missing': connections * APPLIS - simulator.state.notifications.subscriptions.all().length,
  'days since the oldest look at a subscription': Math.round(
    (world.now() - one('SELECT min(verified_at) AS value FROM subscriptions')) / DAY_MS,
  ),
  'requests in the busiest minute (of 120)': simulator.state.limits.maxCallsPerMinute(),
  '… of them about subscriptions (of 20)': world.busiestNotifyMinute(),
  'minutes of computing': Math.round((performance.now() - started) / MINUTE_MS),
});
console.table({
  'refreshes a day, mean': aDay(requests.refresh),
  'refreshes on the busiest day': Math.round(busiest.refreshes * factor),
  'pulls after a push a day, mean': aDay(requests.pull),
  'polls a day, mean': aDay(requests.poll),
  'older windows read again a day, mean': aDay(requests.olderWindow),
  'recent windows read again a day, mean': aDay(requests.recentWindow),
  'looks at subscriptions a day, mean': aDay(requests.list),
  'requests to Withings a day, mean': aDay(all),
  'rows written on the busiest day (of 100,000)': Math.round(busiest.rows * factor) + HOURLY_NOTES_OF_A_DAY,
});
