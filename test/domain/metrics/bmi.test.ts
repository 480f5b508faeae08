import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { bmiAt, heightAt, usableHeights } from '../../../src/domain/metrics/bmi.ts';

const SEED = 20_240_127;

const height = (measuredAtSeconds: number, heightM: number) => ({ measuredAtSeconds, heightM });

describe('BMI', () => {
  test('there is none without a height', () => {
    expect(bmiAt(80, 1000, [])).toBeUndefined();
  });

  test.each([0, -1.8, 180, 18.5, 0.01, Number.NaN, Number.POSITIVE_INFINITY])(
    'there is none from a height of %d m',
    (heightM) => {
      expect(bmiAt(80, 1000, usableHeights([height(0, heightM)]))).toBeUndefined();
    },
  );

  test.each([0, -80, Number.NaN, Number.POSITIVE_INFINITY])('there is none of a weight of %d kg', (weightKg) => {
    expect(bmiAt(weightKg, 1000, [height(0, 1.8)])).toBeUndefined();
  });

  test('an implausible height does not hide a plausible one', () => {
    expect(bmiAt(80, 1000, usableHeights([height(0, 1.8), height(500, 180), height(2000, 0)]))).toBe(24.69);
  });

  test.each([
    [80.094, 1.8, 24.72],
    [72.9, 1.8, 22.5],
    [62.04, 1.73, 20.73],
    // A baby counts too.
    [4.5, 0.52, 16.64],
    // Exactly 20.005, 1.005 and 24.125: halves round up, whatever their binary neighbours.
    [20.005, 1, 20.01],
    [4.02, 2, 1.01],
    [96.5, 2, 24.13],
  ])('of %d kg at %d m is %d', (weightKg, heightM, bmi) => {
    expect(bmiAt(weightKg, 1000, [height(0, heightM)])).toBe(bmi);
  });

  test('has the digits that integer arithmetic gives', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500_000 }), fc.integer({ min: 200, max: 3000 }), (grams, millimeters) => {
        // weight / height² × 100 = grams × 100000 / millimeters², rounded half up.
        const numerator = BigInt(grams) * 100_000n;
        const denominator = BigInt(millimeters) ** 2n;
        const hundredths = (2n * numerator + denominator) / (2n * denominator);
        const heights = [height(0, Number(`${millimeters}e-3`))];
        expect(bmiAt(Number(`${grams}e-3`), 0, heights)).toBe(Number(`${hundredths}e-2`));
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });
});

describe('the height that counts', () => {
  const heights = [height(100, 1.5), height(200, 1.6), height(300, 1.7)];

  test.each([
    ['the oldest after the weigh-in where none was known yet', 50, 1.5],
    ['one measured at the same moment', 200, 1.6],
    ['the newest known by then, not a later one', 299, 1.6],
    ['the newest of all for a later weigh-in', 9000, 1.7],
  ])('is %s', (_, measuredAtSeconds, heightM) => {
    expect(heightAt(measuredAtSeconds, heights)?.heightM).toBe(heightM);
  });

  test('is the last of two at one moment', () => {
    expect(heightAt(100, [height(100, 1.5), height(100, 1.51)])?.heightM).toBe(1.51);
  });

  test('keeps what else is known of it, such as its group', () => {
    expect(heightAt(100, [{ ...height(1, 1.5), groupId: 7 }])?.groupId).toBe(7);
  });
});

describe('a height that was corrected', () => {
  const DAY = 86_400;
  const usable = (...heights: [days: number, heightM: number][]) =>
    usableHeights(heights.map(([days, heightM]) => height(days * DAY, heightM))).map(({ heightM }) => heightM);

  test('within a month does not count, for no weigh-in', () => {
    expect(usable([0, 1.08], [0.001, 1.8])).toEqual([1.8]);
    expect(usable([0, 1.08], [30, 1.8])).toEqual([1.8]);
    expect(usable([0, 1.08], [1, 1.88], [2, 1.8])).toEqual([1.8]);
  });

  test('later counts until then', () => {
    expect(usable([0, 1.08], [40, 1.8])).toEqual([1.08, 1.8]);
  });

  test('leaves the one before the mistake', () => {
    expect(usable([0, 1.8], [1, 1.08], [2, 1.8])).toEqual([1.8, 1.8]);
  });

  test('is not what a growing child has', () => {
    expect(usable([0, 1.2], [20, 1.21], [40, 1.215], [300, 1.27])).toEqual([1.2, 1.21, 1.215, 1.27]);
  });
});
