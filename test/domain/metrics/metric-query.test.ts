import { describe, expect, test } from 'vitest';

import { WHOLE_BODY } from '../../../src/domain/metrics/measurement.ts';
import {
  type MetricSelection,
  namedSeries,
  selectedSeries,
  selectMetrics,
  type StoredSeries,
} from '../../../src/domain/metrics/metric-query.ts';

const selection = (names?: string[], options?: Parameters<typeof selectMetrics>[1]): MetricSelection => {
  const selected = selectMetrics(names, options);
  if (!selected.ok) throw new Error(`${selected.failure.unknown} is unknown`);
  return selected.value;
};
const stored = (type: number, position = WHOLE_BODY, ambiguous = false): StoredSeries => ({
  type,
  position,
  ambiguous,
});
const [WEIGHT, PULSE, SEGMENT_MUSCLE, UNKNOWN] = [1, 11, 175, 999];
const ARM = 3;
const STORED = [
  stored(WEIGHT),
  stored(WEIGHT, WHOLE_BODY, true),
  stored(PULSE),
  stored(SEGMENT_MUSCLE, ARM),
  stored(UNKNOWN),
];
const namesOf = (...given: Parameters<typeof selection>): string[] =>
  selectedSeries(selection(...given), STORED).map(({ name, ambiguous }) => (ambiguous ? `${name}?` : name));

describe('names', () => {
  test('that are unknown are reported, the first one', () => {
    expect(selectMetrics(['weight', 'wieght', 'x'])).toEqual({ ok: false, failure: { unknown: 'wieght' } });
    expect(selectMetrics(['withings_1'])).toEqual({ ok: false, failure: { unknown: 'withings_1' } });
  });

  test('absent, or `all`, select every metric of the whole body', () => {
    for (const names of [undefined, ['all'], ['weight', 'all']]) {
      expect(namesOf(names)).toEqual(['weight', 'bmi', 'heart_pulse', 'withings_999']);
    }
  });

  test('select metrics, groups of them, and unknown types by number', () => {
    expect(namesOf(['heart_pulse', 'withings_999'])).toEqual(['heart_pulse', 'withings_999']);
    expect(namesOf(['vitals'])).toEqual(['heart_pulse']);
    expect(namesOf(['vitals', 'bmi'])).toEqual(['bmi', 'heart_pulse']);
  });
});

describe('values', () => {
  test('that may be another person’s are left out unless included', () => {
    expect(namesOf(['weight'], { ambiguous: true })).toEqual(['weight', 'weight?']);
  });

  test('of segments are left out unless included, or named by their metric', () => {
    expect(namesOf(undefined, { segments: true })).toContain('muscle_mass_segment');
    expect(namesOf(['muscle_mass_segment'])).toEqual(['muscle_mass_segment']);
    expect(namesOf(['body_composition'])).not.toContain('muscle_mass_segment');
  });
});

describe('the series of a selection', () => {
  test('are known without a look at the database if it names metrics of the whole body', () => {
    const series = namedSeries(selection(['bmi', 'weight', 'weight', 'withings_999'], { ambiguous: true })) ?? [];
    expect(series.map(({ name, type, ambiguous }) => [name, type, ambiguous])).toEqual([
      ['bmi', WEIGHT, false],
      ['bmi', WEIGHT, true],
      ['weight', WEIGHT, false],
      ['weight', WEIGHT, true],
      ['withings_999', UNKNOWN, false],
      ['withings_999', UNKNOWN, true],
    ]);
  });

  test.each([
    ['everything', selection()],
    ['a group', selection(['vitals'])],
    ['a segment’s metric', selection(['muscle_mass_segment'])],
    ['segments', selection(['weight'], { segments: true })],
  ])('depend on the stored ones for %s', (_, selected) => {
    expect(namedSeries(selected)).toBeUndefined();
  });

  test('have one rank in every query, different for each', () => {
    const all = selectedSeries(selection(undefined, { ambiguous: true, segments: true }), STORED);
    expect(new Set(all.map(({ rank }) => rank)).size).toBe(all.length);
    const weight = all.find(({ name, ambiguous }) => name === 'weight' && !ambiguous);
    expect(namedSeries(selection(['weight']))).toEqual([weight]);
  });

  test('only BMI needs a height', () => {
    expect(namedSeries(selection(['bmi', 'weight']))?.map(({ needsHeight }) => needsHeight)).toEqual([true, false]);
  });
});
