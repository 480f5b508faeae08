import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { trendOf } from '../../../src/domain/metrics/trend.ts';
import { DAY_MS } from '../../../src/domain/time.ts';

const daily = (values: readonly number[], everyDays = 1) =>
  values.map((value, index) => ({ at: index * everyDays * DAY_MS, value }));

test('a trend stays within its values, begins at the first and has one for each', () => {
  const values = fc.array(fc.double({ min: 30, max: 200, noNaN: true }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 400 }), (drawn, every) => {
      const trend = trendOf(daily(drawn, every));
      expect(trend).toHaveLength(drawn.length);
      expect(trend[0]).toBe(drawn[0]);
      expect(Math.min(...trend)).toBeGreaterThanOrEqual(Math.min(...drawn) - 1e-9);
      expect(Math.max(...trend)).toBeLessThanOrEqual(Math.max(...drawn) + 1e-9);
    }),
  );
});

test('a new level makes up 63 % of a trend after seven days, however many values there were', () => {
  expect(trendOf(daily([80, 70, 70, 70, 70, 70, 70, 70])).at(-1)).toBeCloseTo(80 - 10 * (1 - Math.exp(-1)));
  expect(trendOf(daily([80, 70], 7)).at(-1)).toBeCloseTo(80 - 10 * (1 - Math.exp(-1)));
});

test('noise from day to day is smoothed', () => {
  const noisy = Array.from({ length: 40 }, (_, day) => 80 + (day % 2 === 0 ? 1 : -1));
  const late = trendOf(daily(noisy)).slice(20);
  expect(Math.max(...late) - Math.min(...late)).toBeLessThan(0.3);
});
