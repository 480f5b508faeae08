import { expect, test } from 'vitest';

import {
  ACTIVITY_DAYS,
  DELAY_BOUNDS_SECONDS,
  delayOfShare,
  delaysOf,
  lastDays,
  quietDay,
} from '../../src/domain/activity.ts';
import { asAppId } from '../../src/domain/app-id.ts';
import { dataPointOf } from '../../src/domain/log.ts';
import { DAY_MS } from '../../src/domain/time.ts';

test('the last 30 days end today, with zeros for days without activity, and without older ones', () => {
  const today = 20_000;
  const counted = [
    { ...quietDay(today), pushed: 1, synced: 2, refreshed: 1 },
    { ...quietDay(today - ACTIVITY_DAYS + 1), synced: 5 },
    { ...quietDay(today - ACTIVITY_DAYS), synced: 9, refreshed: 9 },
  ];
  const days = lastDays(counted, today * DAY_MS + DAY_MS - 1);
  expect(days).toHaveLength(30);
  expect(days.at(0)).toEqual(counted[1]);
  expect(days.at(-1)).toEqual(counted[0]);
  expect(days.slice(1, -1)).toEqual(Array.from({ length: 28 }, (_, index) => quietDay(today - 28 + index)));
});

const MINUTE_SECONDS = 60;

test('a weigh-in is delayed since Withings had it, however old it is, and not at all if that was before connecting', () => {
  const connectedAt = 1_000_000_000_000;
  const now = connectedAt + 10 * MINUTE_SECONDS * 1_000;
  const secondsAgo = (seconds: number) => now / 1_000 - seconds;
  const group = (measured: number, created: number) => ({
    measuredAtSeconds: secondsAgo(measured),
    createdAtSeconds: secondsAgo(created),
  });
  const bounds = (groups: ReturnType<typeof group>[]) =>
    delaysOf(groups, connectedAt, now).map((kind) => DELAY_BOUNDS_SECONDS[kind]);
  expect(bounds([])).toEqual([]);
  // Dated back by a week; two groups of one weigh-in; exactly at a bound; a clock ahead of ours.
  expect(bounds([group(604_800, 7)])).toEqual([10]);
  expect(bounds([group(60, 40), group(60, 38), group(90, 61)])).toEqual([60, 120]);
  expect(bounds([group(30, 5), group(40, 5.001), group(1, -30)])).toEqual([5, 10, 2]);
  expect(bounds([group(600, 600), group(700, 601)])).toEqual([600]);
  expect(delaysOf([group(0, 2_592_001)], 0, now)).toEqual([DELAY_BOUNDS_SECONDS.length]);
});

test('a share of the weigh-ins was stored within the delay that its last one took', () => {
  expect(delayOfShare(quietDay(1).delays, 0.95)).toBeUndefined();
  expect(delayOfShare([1], 0.5)).toBe(0);
  expect(delayOfShare([0, 50, 0, 50], 0.5)).toBe(1);
  expect(delayOfShare([0, 49, 0, 51], 0.5)).toBe(3);
  expect(delayOfShare([95, 0, 5], 0.95)).toBe(0);
  expect(delayOfShare([94, 0, 6], 0.95)).toBe(2);
});

test('a data point has the line’s words and numbers in fixed columns, and no user', () => {
  const point = dataPointOf({
    level: 'warn',
    event: 'request',
    outcome: 'rate_limited',
    reason: 'app',
    method: 'GET',
    route: '/apps/:app_id',
    appId: asAppId('app_1'),
    userHash: 'user_secret',
    requestId: 'ray-1',
    status: 429,
    durationMs: 12,
  });
  expect(point).toEqual({
    indexes: ['request'],
    blobs: ['request', 'rate_limited', 'app', 'warn', 'GET', '/apps/:app_id', 'app_1'],
    doubles: [1, 429, 12],
  });
  expect(dataPointOf({ level: 'info', event: 'tick', count: 7 })).toMatchObject({ doubles: [7, 0, 0] });
});
