import { expect, test } from 'vitest';

import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../src/domain/time.ts';
import { isGivenUp, MAX_ATTEMPTS, retryPauseMs } from '../../../src/domain/webhooks/retry.ts';

test('pauses grow from seconds to half a day, and vary by up to a tenth', () => {
  const pauses = [1, 2, 3, 4, 5, 6, 7, 8, 99].map((failures) => retryPauseMs(failures, 0));
  const expected = [5 * SECOND_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS];
  expect(pauses).toEqual([...expected, 12 * HOUR_MS, 12 * HOUR_MS, 12 * HOUR_MS]);
  expect(retryPauseMs(2, 0.5)).toBe(5 * MINUTE_MS * 1.05);
});

test('a receiver may ask for a longer pause, up to a day, and not for a shorter one', () => {
  expect(retryPauseMs(1, 0, 60)).toBe(MINUTE_MS);
  expect(retryPauseMs(7, 0, 60)).toBe(12 * HOUR_MS);
  expect(retryPauseMs(1, 0, 999_999)).toBe(DAY_MS);
});

test('an event is sent for three days at least', () => {
  const waited = (attempts: number) =>
    Array.from({ length: attempts - 1 }, (_, index) => retryPauseMs(index + 1, 0)).reduce(
      (sum, pause) => sum + pause,
      0,
    );
  expect(waited(MAX_ATTEMPTS)).toBeGreaterThanOrEqual(3 * DAY_MS);
  expect(waited(MAX_ATTEMPTS - 1)).toBeLessThan(3 * DAY_MS);
});

test('an endpoint is given up after five days of failures', () => {
  expect(isGivenUp(undefined, DAY_MS)).toBe(false);
  expect(isGivenUp(1, 5 * DAY_MS)).toBe(false);
  expect(isGivenUp(0, 5 * DAY_MS)).toBe(true);
});
