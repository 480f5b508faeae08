import { expect, test } from 'vitest';

import { isRefusalBelieved } from '../../src/domain/refresh.ts';

const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2026, 5, 15);

test.each([
  { hours: 11.9, attempts: 100, othersServed: true, believed: false },
  { hours: 12, attempts: 5, othersServed: true, believed: true },
  { hours: 12, attempts: 4, othersServed: true, believed: false },
  { hours: 71.9, attempts: 100, othersServed: false, believed: false },
  { hours: 72, attempts: 5, othersServed: false, believed: true },
])(
  'a refusal for $hours hours and $attempts attempts, others served: $othersServed, is believed: $believed',
  ({ hours, attempts, othersServed, believed }) => {
    expect(isRefusalBelieved({ since: NOW - hours * HOUR_MS, attempts, othersServed }, NOW)).toBe(believed);
  },
);
