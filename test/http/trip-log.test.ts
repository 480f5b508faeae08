import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { meterD1 } from '../support/d1-meter.ts';
import { createTripLog, d1InSequence } from '../support/trips.ts';

/** The meter of trips itself: what waits is told from what runs at the same time. */

test('trips that wait for one another are stages, those that run at the same time are one', async () => {
  const log = createTripLog();
  const d1 = meterD1(env.DB, log);
  const ask = (sql: string) => d1.d1.prepare(sql).all();
  await ask('SELECT 1');
  await Promise.all([ask('SELECT 2'), log.note('kv', () => scheduler.wait(1)), ask('SELECT 3')]);
  await d1.d1.batch([d1.d1.prepare('SELECT 4'), d1.d1.prepare('SELECT 5')]);
  expect(log.stages()).toEqual([new Set(['d1']), new Set(['d1', 'kv']), new Set(['d1'])]);
  expect([d1.calls(), d1.inSequence()]).toEqual([4, 3]);
});

test('a long trip does not make those beside it one stage', async () => {
  const log = createTripLog();
  const short = async () => {
    for (let trips = 0; trips < 3; trips += 1) await log.note('d1', () => scheduler.wait(0));
  };
  const end = Promise.withResolvers<void>();
  const long = log.note('kv', () => end.promise);
  await short();
  end.resolve();
  await long;
  expect(log.stages()).toHaveLength(3);
});

test('what still runs when the answer is there was not waited for; what fails was', async () => {
  const log = createTripLog();
  const end = Promise.withResolvers<void>();
  const behind = log.note('kv', () => end.promise);
  await expect(log.note('d1', () => Promise.reject(new Error('lost')))).rejects.toThrow('lost');
  expect(log.stages()).toEqual([new Set(['d1'])]);
  log.reset();
  end.resolve();
  await behind;
  expect(log.stages()).toEqual([]);
});

test('a trip to D1 beside a request to Withings is not waited for', async () => {
  const log = createTripLog();
  await log.note('d1', () => scheduler.wait(0));
  await Promise.all((['withings', 'd1'] as const).map((to) => log.note(to, () => scheduler.wait(0))));
  await log.note('d1', () => scheduler.wait(0));
  expect(log.stages()).toHaveLength(3);
  expect(d1InSequence(log.stages())).toBe(2);
});
