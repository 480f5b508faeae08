import { expect, test } from 'vitest';

import { isNearlyFull, refusesHistories } from '../../src/domain/database-size.ts';

test('a database of 80 % is nearly full, and one of 90 % takes no more histories', () => {
  const at = (bytes: number) => [isNearlyFull(bytes, 1_000), refusesHistories(bytes, 1_000)];
  expect([799, 800, 899, 900, 1_001].map(at)).toEqual([
    [false, false],
    [true, false],
    [true, false],
    [true, true],
    [true, true],
  ]);
});
