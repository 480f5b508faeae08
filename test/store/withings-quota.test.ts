import { env } from 'cloudflare:workers';
import * as fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';

import { openDatabase } from '../../src/store/d1.ts';
import { quotaWaitSeconds, closeQuota, SMALLEST_SHARE, takeQuota } from '../../src/store/tokens/withings-quota.ts';

const START = Date.UTC(2026, 5, 15);
const db = openDatabase(env.DB, { now: () => START, sleep: async () => undefined });

beforeEach(async () => {
  await env.DB.prepare('DELETE FROM request_budgets').run();
});

const isGranted = async (requestsPerMinute: number, now: number): Promise<boolean> => {
  const taken = await takeQuota(db, 'sync', { requestsPerMinute }, 1, now);
  return taken.ok && taken.value;
};

/** The most moments of a sorted list that lie within any 60 seconds. */
const mostInAMinute = (moments: readonly number[]): number =>
  Math.max(0, ...moments.map((start) => moments.filter((at) => at >= start && at < start + 60_000).length));

test('never more than the share is granted in any 60 seconds, however the requests come', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: SMALLEST_SHARE, max: 24 }),
      fc.array(fc.constantFrom(0, 0, 0, 1, 700, 2_500, 15_000, 61_000), { minLength: 5, maxLength: 60 }),
      async (share, pauses) => {
        await env.DB.prepare('DELETE FROM request_budgets').run();
        const granted: number[] = [];
        let now = START;
        for (const pauseMs of pauses) {
          now += pauseMs;
          if (await isGranted(share, now)) granted.push(now);
        }
        expect(granted.length).toBeGreaterThan(0);
        expect(mostInAMinute(granted)).toBeLessThanOrEqual(share);
      },
    ),
    { seed: 20_261_122, numRuns: 25 },
  );
});

test('a share asked all the time grants nearly all of itself, minute after minute', async () => {
  const granted: number[] = [];
  for (let now = START; now < START + 3 * 60_000; now += 500) if (await isGranted(20, now)) granted.push(now);
  expect(mostInAMinute(granted)).toBeLessThanOrEqual(20);
  expect(granted.length).toBeGreaterThanOrEqual(3 * 14);
});

test('taken by many at once it is not overdrawn', async () => {
  const taken = await Promise.all(Array.from({ length: 60 }, () => isGranted(40, START)));
  expect(taken.filter(Boolean)).toHaveLength(10);
});

test('used up, it grants a request again after the pause that it names', async () => {
  while (await isGranted(12, START));
  const wait = quotaWaitSeconds({ requestsPerMinute: 12 }) * 1_000;
  expect(await isGranted(12, START + wait - 2_000)).toBe(false);
  expect(await isGranted(12, START + wait)).toBe(true);
});

test('closed, it grants nothing until then, and one share does not close another', async () => {
  await closeQuota(db, 'sync', { requestsPerMinute: 60 }, START + 60_000);
  expect(await isGranted(60, START + 59_000)).toBe(false);
  expect(await isGranted(60, START + 62_000)).toBe(true);
  expect(await takeQuota(db, 'cron', { requestsPerMinute: 60 }, 1, START)).toEqual({ ok: true, value: true });
});
