import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { roundHalfUp } from '../../../src/domain/metrics/rounding.ts';

test.each([
  [1.005, 2, 1.01],
  [8.345, 2, 8.35],
  [-1.005, 2, -1],
  [1.00005, 4, 1.0001],
  [80.123449, 4, 80.1234],
  [0.1 + 0.2, 4, 0.3],
  [0, 4, 0],
])('%d to %i decimals is %d', (value, decimals, rounded) => {
  expect(roundHalfUp(value, decimals) + 0).toBe(rounded);
});

test('the mean of whole ten-thousandths is rounded as integer arithmetic rounds it', () => {
  const values = fc.array(fc.integer({ min: 1, max: 20_000_000 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(values, (tenThousandths) => {
      const sum = tenThousandths.reduce((total, value) => total + BigInt(value), 0n);
      const count = BigInt(tenThousandths.length);
      const exact = Number(`${(2n * sum + count) / (2n * count)}e-4`);
      const mean = tenThousandths.reduce((total, value) => total + value / 1e4, 0) / tenThousandths.length;
      expect(roundHalfUp(mean, 4)).toBe(exact);
    }),
    { seed: 20_261_128, numRuns: 2_000 },
  );
});
