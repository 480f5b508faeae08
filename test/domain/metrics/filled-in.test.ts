import { expect, test } from 'vitest';

import { NEVER_ZERO_TYPES } from '../../../src/domain/metrics/filled-in.ts';
import { metricByName } from '../../../src/domain/metrics/metric.ts';

const typeOf = (name: string) => metricByName(name)?.withingsType;

test('what a living body has is never 0, and an index or a code may be', () => {
  for (const name of ['weight', 'fat_mass', 'fat_ratio', 'height', 'heart_pulse'])
    expect(NEVER_ZERO_TYPES, name).toContain(typeOf(name));
  for (const name of ['visceral_fat', 'afib_result_ecg']) {
    expect(typeOf(name), name).toBeTypeOf('number');
    expect(NEVER_ZERO_TYPES, name).not.toContain(typeOf(name));
  }
});

test('each name of the list is a metric, once', () => {
  expect(new Set(NEVER_ZERO_TYPES).size).toBe(23);
  expect(NEVER_ZERO_TYPES).toHaveLength(23);
});
