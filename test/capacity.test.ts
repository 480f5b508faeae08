import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { PLANS } from '../src/domain/plan.ts';
import { pace } from '../src/store/tokens/withings-quota.ts';
import { PAGE_READS, REFRESH_READS, SUBSCRIPTION_READS, SYNC_READS } from './support/costs.ts';

/**
 * How many people fit, in docs/limits.md: computed from what one of each costs, which other tests measure and bound,
 * and from what Cloudflare's plans and Withings allow. The tables are printed.
 */

/**
 * What a person's day and history cost at most. Bytes: test/broker/stored-bytes.test.ts; rows:
 * test/broker/rows-read.test.ts.
 */
const PEOPLE = {
  'Body+': { weighIn: 400, rowsOfWeighIn: 8, reads: SYNC_READS.body_plus },
  'Body Scan': { weighIn: 2_000, rowsOfWeighIn: 37, reads: SYNC_READS.body_scan },
};
type Scale = keyof typeof PEOPLE;
/** Of a connection synced every day: test/broker/stored-bytes.test.ts. */
const CONNECTION_BYTES = 5_000;
/** One by the sync, two ahead of expiry while the connection counts as used: "How often". */
const REFRESHES = 3;
const REFRESH = { reads: REFRESH_READS, writes: 5 };
/** Beside what it brings: test/http/budgets.test.ts. */
const SYNC_WRITES = 3;
const REVIEW_WRITES = 6 + 5;
/** A sync, a status and two pages of 100 values. */
const REQUESTS = 4;

const MINUTES = 1_440;
const DAYS_OF_MONTH = 30;
/**
 * Cloudflare's prices, November 2026: what a day of the free plan allows, and a thirtieth of what the paid one
 * includes.
 */
const INCLUDED = {
  free: { rowsRead: 5_000_000, rowsWritten: 100_000, requests: 100_000 },
  paid: {
    rowsRead: 25e9 / DAYS_OF_MONTH,
    rowsWritten: 50e6 / DAYS_OF_MONTH,
    requests: 10e6 / DAYS_OF_MONTH,
  },
};
const CRON_SHARE = 26;
const SYNC_SHARE = 32;

/** By storage: people whose whole history fits below nine tenths, where histories stop. */
const byStorage = (plan: keyof typeof PLANS, scale: Scale, weighIns: number): number =>
  (PLANS[plan].databaseMaxMb * 900_000) / (CONNECTION_BYTES + weighIns * PEOPLE[scale].weighIn);

/** By what a day allows: people who are synced, reviewed and read on that day. */
const byDay = (plan: keyof typeof PLANS, scale: Scale): Record<string, number> => {
  const { rowsOfWeighIn, reads } = PEOPLE[scale];
  const { rowsRead, rowsWritten, requests } = INCLUDED[plan];
  const perTick = Math.min(PLANS[plan].refreshBatch, CRON_SHARE);
  return {
    'rows read': rowsRead / (reads.weighIn + reads.poll + REFRESHES * REFRESH.reads + 2 * PAGE_READS),
    'rows written': rowsWritten / (SYNC_WRITES + rowsOfWeighIn + REFRESHES * REFRESH.writes + REVIEW_WRITES),
    requests: (requests - MINUTES) / REQUESTS,
    'refreshes by the cron': (perTick * MINUTES) / REFRESHES,
    "the syncs' share at Withings": (SYNC_SHARE * MINUTES) / 2,
  };
};

/**
 * A connection that is asked about because nothing else has synced it for a day: a refresh, and a sync that finds
 * nothing, whose turn moves. One of a tick also has an older window reviewed: test/http/polling.test.ts.
 */
const POLL = { requests: 2, reads: REFRESH.reads + PEOPLE['Body Scan'].reads.nothing, writes: REFRESH.writes + 3 + 2 };
/** What the window adds to the first poll of a tick. A poll reads less than a sync that a request asks for. */
const WINDOW = { requests: 1, reads: PEOPLE['Body Scan'].reads.poll - POLL.reads, writes: 2 };
/** What the syncs' share gives a minute, evenly. */
const SYNC_PACE = 60_000 / pace('sync', { requestsPerMinute: SYNC_SHARE }).intervalMs;

const pollsOfDay = (plan: keyof typeof PLANS): Record<string, string> => {
  const perTick = PLANS[plan].pollsPerTick;
  const sum = (of: 'requests' | 'reads' | 'writes'): number => perTick * POLL[of] + WINDOW[of];
  const { rowsRead, rowsWritten } = INCLUDED[plan];
  const exact = (value: number): string => Math.floor(value).toLocaleString('en-US');
  return {
    'connections polled in a tick': exact(perTick),
    'connections polled a day': exact(perTick * MINUTES),
    'rows written for them': `${exact(sum('writes') * MINUTES)} of ${exact(rowsWritten)}`,
    'rows read for them': `${exact(sum('reads') * MINUTES)} of ${exact(rowsRead)}`,
    'requests to Withings a minute': exact(sum('requests')),
  };
};

const PEOPLE_SUBSCRIBED = 30_000;
const KINDS = 3;
/** People of whom a tick asks: src/broker/notify/keep-subscribed.ts. */
const PEOPLE_OF_TICK = 4;
const NOTIFY_SHARE = 20;
/** What a person takes: `list`, `subscribe` for each kind, a refresh if nothing else has refreshed for two weeks. */
const SUBSCRIBING = { 'the weekly look': 1, 'the first time': 1 + KINDS, 'after a month away': 1 + 1 + KINDS };

const rounded = (value: number): string => {
  const step = value < 1_000 ? 10 : 100;
  return (Math.floor(value / step) * step).toLocaleString('en-US');
};

const storageTable = [
  [1_000, 300, 100, 20].map((count) => `${count.toLocaleString('en-US')} weigh-ins`),
  ...(['free', 'paid'] as const).flatMap((plan) =>
    (Object.keys(PEOPLE) as Scale[]).map((scale) =>
      [1_000, 300, 100, 20].map((count) => rounded(byStorage(plan, scale, count))),
    ),
  ),
];

const dayTable = Object.keys(byDay('free', 'Body+')).map((limit) => [
  limit,
  ...(['free', 'paid'] as const).flatMap((plan) =>
    (Object.keys(PEOPLE) as Scale[]).map((scale) => rounded(byDay(plan, scale)[limit] ?? 0)),
  ),
]);

const cells = (line: string): string =>
  line
    .split('|')
    .map((cell) => cell.trim())
    .join('|');
const linesOf = (name: string): string[] =>
  readFileSync(new URL(`../docs/${name}`, import.meta.url).pathname, 'utf8')
    .split('\n')
    .map(cells);
const page = linesOf('limits.md');

test('limits says how many people fit by storage, and by what a day allows, as computed', () => {
  console.log([...storageTable, ...dayTable].map((row) => `| ${row.join(' | ')} |`).join('\n'));
  for (const row of [...storageTable, ...dayTable]) {
    expect(
      page.some((line) => line.includes(`|${row.join('|')}|`)),
      row.join(' | '),
    ).toBe(true);
  }
});

test('limits says in how many days everybody is subscribed, and it is within the week', () => {
  const { intervalMs } = pace('notify', { requestsPerMinute: NOTIFY_SHARE });
  const perMinute = 60_000 / intervalMs;
  for (const [what, requests] of Object.entries(SUBSCRIBING)) {
    const byShare = (PEOPLE_SUBSCRIBED * requests) / perMinute / MINUTES;
    const byTick = PEOPLE_SUBSCRIBED / PEOPLE_OF_TICK / MINUTES;
    const days = Math.max(byShare, byTick);
    expect(days).toBeLessThan(7);
    const row = `|${what}|${requests}|${days.toFixed(1)}|`;
    expect(
      linesOf('notifications.md').some((line) => line.includes(row)),
      row,
    ).toBe(true);
  }
});

test('limits names the first limit of each plan', () => {
  const first = (plan: keyof typeof PLANS, scale: Scale): string => {
    const all = { ...byDay(plan, scale), storage: byStorage(plan, scale, 300) };
    return Object.entries(all).toSorted(([, a], [, b]) => a - b)[0]?.[0] ?? '';
  };
  const named = (['free', 'paid'] as const).flatMap((plan) =>
    (Object.keys(PEOPLE) as Scale[]).map((scale) => first(plan, scale)),
  );
  expect(
    page.some((line) => line.includes(`|the first limit|${named.join('|')}|`)),
    named.join(' | '),
  ).toBe(true);
});

test('limits says what polling costs, and the syncs’ share has the requests for it', () => {
  const [free, paid] = [pollsOfDay('free'), pollsOfDay('paid')];
  for (const name of Object.keys(free)) {
    const row = `|${name}|${free[name] ?? ''}|${paid[name] ?? ''}|`;
    expect(
      page.some((line) => line.includes(row)),
      row,
    ).toBe(true);
  }
  for (const { pollsPerTick } of Object.values(PLANS)) expect(pollsPerTick * POLL.requests).toBeLessThan(SYNC_PACE);
});

test('limits computes the rows that its example reads with what is measured', () => {
  const { weighIn, poll } = SYNC_READS.body_scan;
  const [refreshes, syncs, looks] = [741 + 1_500, 1_500, Math.round(PEOPLE_SUBSCRIBED / 7)];
  const counts = { refreshes, syncs, ticks: MINUTES, looks };
  const sum = refreshes * REFRESH_READS + syncs * weighIn + MINUTES * poll + looks * SUBSCRIPTION_READS;
  const [a, b, c, d, total] = [...Object.values(counts), sum].map((value) => value.toLocaleString('en-US'));
  const row = `|rows read|${a} × ${REFRESH_READS} + ${b} × ${weighIn} + ${c} ticks × ${poll} + ${d} × ${SUBSCRIPTION_READS} = ${total} at most|5,000,000|`;
  expect(page, row).toContain(row);
});

test('the data model states the rows that are measured', () => {
  const stated = linesOf('data-model.md');
  const rows = Object.entries({
    'sync that finds nothing new, daily Body Scan': SYNC_READS.body_scan.nothing,
    '… daily Body+': SYNC_READS.body_plus.nothing,
    'weigh-in of a daily Body Scan': SYNC_READS.body_scan.weighIn,
    '… of a daily Body+': SYNC_READS.body_plus.weighIn,
  });
  for (const [what, reads] of rows)
    expect(
      stated.some((line) => line.startsWith(`|${what}|${reads}|`)),
      what,
    ).toBe(true);
});
