import { env } from 'cloudflare:workers';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';

import { asAppId } from '../../src/domain/app-id.ts';
import { asConnectionId } from '../../src/domain/connection-id.ts';
import { openDatabase } from '../../src/store/d1.ts';
import {
  closeQuota,
  recordWait,
  SMALLEST_SHARE,
  type Take,
  takeQuota,
  whyRefused,
} from '../../src/store/tokens/withings-quota.ts';
import { meterD1 } from '../support/d1-meter.ts';

const START = Date.UTC(2026, 5, 15);
const HOUR_MS = 3_600_000;
const meter = meterD1(env.DB);
const db = openDatabase(meter.d1, {
  now: () => START,
  sleep: async () => undefined,
  random: (size) => new Uint8Array(size),
  memory: {},
});

beforeEach(async () => {
  await env.DB.prepare('DELETE FROM request_budgets').run();
  meter.reset();
});

const takeOf = (requestsPerMinute: number, about: Partial<Take> = {}): Take => ({
  name: 'sync',
  share: { requestsPerMinute },
  count: 1,
  ...about,
});
const isGranted = async (requestsPerMinute: number, now: number, about: Partial<Take> = {}): Promise<boolean> => {
  const taken = await takeQuota(db, takeOf(requestsPerMinute, about), now);
  return taken.ok && taken.value.granted !== undefined;
};

/** The most moments of a list that lie within any 60 seconds. */
const mostInAMinute = (moments: readonly number[]): number =>
  Math.max(0, ...moments.map((start) => moments.filter((at) => at >= start && at < start + 60_000).length));

const NAMES = ['cron', 'sync', 'resume', 'review', 'link', 'notify', 'other'] as const;

test('never more than the share is granted in any 60 seconds, however the requests come and wait for their turn', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...NAMES),
      fc.integer({ min: SMALLEST_SHARE, max: 24 }),
      fc.array(
        fc.record({
          pauseMs: fc.constantFrom(0, 0, 0, 1, 700, 2_500, 15_000, 61_000),
          appId: fc.constantFrom(undefined, asAppId('app_a'), asAppId('app_b')),
          waitMs: fc.constantFrom(0, 0, 10_000),
        }),
        { minLength: 5, maxLength: 60 },
      ),
      async (name, requestsPerMinute, requests) => {
        await env.DB.prepare('DELETE FROM request_budgets').run();
        const granted: number[] = [];
        let now = START;
        for (const { pauseMs, ...about } of requests) {
          now += pauseMs;
          const taken = await takeQuota(db, { name, share: { requestsPerMinute }, count: 1, ...about }, now);
          if (taken.ok && taken.value.granted !== undefined) granted.push(now + taken.value.granted.waitMs);
        }
        expect(granted.length).toBeGreaterThan(0);
        expect(mostInAMinute(granted)).toBeLessThanOrEqual(requestsPerMinute);
      },
    ),
    { seed: 20_261_122, numRuns: 40 },
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

test.each([undefined, asAppId('app_a')])(
  'used up (by %s), it grants again after the pause that it names, and writes nothing',
  async (appId) => {
    for (const requestsPerMinute of [12, 40]) {
      await env.DB.prepare('DELETE FROM request_budgets').run();
      while (await isGranted(requestsPerMinute, START, { appId }));
      const refusal = await whyRefused(db, takeOf(requestsPerMinute, { appId }), START);
      const waitMs = refusal.ok ? refusal.value.retryAfterSeconds * 1_000 : 0;
      meter.reset();
      expect(await isGranted(requestsPerMinute, START + waitMs - 1_001, { appId })).toBe(false);
      expect(meter.rowsWritten()).toBe(0);
      expect(await isGranted(requestsPerMinute, START + waitMs, { appId })).toBe(true);
    }
  },
);

test('who waits for a turn gets the next free ones, in order, and nobody else takes them', async () => {
  const link = { name: 'link', waitMs: 10_000 } as const;
  const waits: number[] = [];
  for (;;) {
    const taken = await takeQuota(db, takeOf(20, link), START);
    if (!taken.ok || taken.value.granted === undefined) break;
    waits.push(taken.value.granted.waitMs);
  }
  expect(waits).toEqual([...Array<number>(10).fill(0), 6_000]);
  expect(await isGranted(20, START, { name: 'link' })).toBe(false);
});

test('closed, it grants nothing until then, and one share does not close another', async () => {
  await closeQuota(db, 'sync', { requestsPerMinute: 60 }, START + 60_000, START);
  expect(await isGranted(60, START + 59_000)).toBe(false);
  expect(await isGranted(60, START + 62_000)).toBe(true);
  expect(await isGranted(60, START, { name: 'cron' })).toBe(true);
});

describe('an app that asks all the time', () => {
  const flood = async (now: number, appId = asAppId('app_flood')) => {
    let granted = 0;
    while (await isGranted(40, now, { appId })) granted += 1;
    return granted;
  };

  test('leaves a part of the share to the others, who get on at their pace', async () => {
    const got = { flood: 0, other: 0 };
    let refused = 0;
    for (let second = 0; second < 300; second += 1) {
      const now = START + second * 1_000;
      got.flood += await flood(now);
      if (second % 4 !== 3) continue;
      if (await isGranted(40, now, { appId: asAppId('app_other') })) got.other += 1;
      else refused += 1;
    }
    expect(refused).toBe(0);
    expect(got.other).toBe(75);
    // What the others do not take is the flood's all the same.
    expect(got.flood + got.other).toBeGreaterThan(5 * 28);
  });

  test('and is alone gets nearly all of it', async () => {
    let granted = 0;
    for (let second = 0; second < 180; second += 1) granted += await flood(START + second * 1_000);
    expect(granted).toBeGreaterThan(3 * 28);
  });

  test('costs no row of its own while the share has room', async () => {
    await isGranted(40, START, { appId: asAppId('app_calm') });
    expect(meter.rowsWritten()).toBe(1);
  });
});

describe('what Withings said about when to come back', () => {
  test('holds for the connection alone, and is told', async () => {
    await recordWait(db, asConnectionId(7), START + 188_000, START);
    expect(await isGranted(40, START + 187_000, { connectionId: asConnectionId(7) })).toBe(false);
    expect(await isGranted(40, START + 187_000, { connectionId: asConnectionId(8) })).toBe(true);
    expect(await whyRefused(db, takeOf(40, { connectionId: asConnectionId(7) }), START + 87_500)).toEqual({
      ok: true,
      value: { kind: 'throttled', retryAfterSeconds: 101 },
    });
    expect(await isGranted(40, START + 188_000, { connectionId: asConnectionId(7) })).toBe(true);
  });

  test('holds for everybody where it was said about three at once, until two are left', async () => {
    await recordWait(db, asConnectionId(1), START + 20_000, START);
    await recordWait(db, asConnectionId(2), START + 60_000, START);
    expect(await isGranted(40, START, { connectionId: asConnectionId(9) })).toBe(true);
    await recordWait(db, asConnectionId(3), START + 40_000, START);
    for (const name of NAMES) expect(await isGranted(40, START + 1_000, { name })).toBe(false);
    expect(await whyRefused(db, takeOf(40), START)).toEqual({
      ok: true,
      value: { kind: 'throttled', retryAfterSeconds: 20 },
    });
    expect(await isGranted(40, START + 20_000)).toBe(true);
  });

  test('leaves no row behind', async () => {
    await recordWait(db, asConnectionId(1), START + 20_000, START);
    await recordWait(db, asConnectionId(2), START + 70_000, START + 60_000);
    const { results } = await env.DB.prepare('SELECT name FROM request_budgets').all<{ name: string }>();
    expect(results.map(({ name }) => name)).toEqual(['wait:2']);
  });
});

test('a row that an isolate wrote whose clock is ahead by months stops nobody', async () => {
  const ahead = START + 5_000 * HOUR_MS;
  for (const name of NAMES) await takeQuota(db, takeOf(12, { name }), ahead);
  await closeQuota(db, 'cron', { requestsPerMinute: 12 }, ahead, ahead);
  for (const id of [1, 2, 3]) await recordWait(db, asConnectionId(id), ahead + 60_000, ahead);
  for (const name of NAMES) expect(await isGranted(12, START, { name, connectionId: asConnectionId(1) })).toBe(true);
});
