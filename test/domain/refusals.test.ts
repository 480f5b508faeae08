import { expect, test } from 'vitest';

import { isRefusalBelieved } from '../../src/domain/refresh.ts';

const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2026, 5, 15);

test.each([
  { hours: 11.9, attempts: 100, othersGoWell: true, believed: false },
  { hours: 12, attempts: 5, othersGoWell: true, believed: true },
  { hours: 12, attempts: 4, othersGoWell: true, believed: false },
  { hours: 71.9, attempts: 100, othersGoWell: false, believed: false },
  { hours: 72, attempts: 5, othersGoWell: false, believed: true },
])(
  'a refusal for $hours hours and $attempts attempts, others served: $othersGoWell, is believed: $believed',
  ({ hours, attempts, othersGoWell, believed }) => {
    expect(isRefusalBelieved({ since: NOW - hours * HOUR_MS, attempts, othersGoWell }, NOW)).toBe(believed);
  },
);
