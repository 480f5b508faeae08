import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { localDay } from '../../../src/domain/metrics/local-time.ts';
import {
  inRange,
  isReversed,
  rangeBetween,
  undecidedSpans,
  wholeDaysOf,
} from '../../../src/domain/metrics/time-range.ts';

const SEED = 20_261_128;
const utc = (text: string): number => Date.parse(`${text}Z`) / 1000;
const ZONES = [
  'Pacific/Kiritimati',
  'Pacific/Apia',
  'Asia/Kolkata',
  'Europe/Oslo',
  'UTC',
  'America/St_Johns',
  'America/Nuuk',
  'America/Sao_Paulo',
  'Etc/GMT+12',
];
const zones = fc.constantFrom(...ZONES);
const moments = fc.integer({ min: utc('1900-01-01T00:00:00'), max: utc('2040-01-01T00:00:00') });

describe('a range of days', () => {
  test('has a moment exactly if its local day is one of them, in every zone', () => {
    fc.assert(
      fc.property(moments, zones, zones, fc.integer({ min: -3, max: 3 }), (seconds, zone, other, shift) => {
        const day = localDay(seconds + shift * 43_200, other);
        const range = rangeBetween({ day }, { day });
        const isWithin = seconds >= range.fromSeconds && seconds <= range.toSeconds;
        expect(isWithin && inRange(range)(seconds, zone)).toBe(localDay(seconds, zone) === day);
      }),
      { seed: SEED, numRuns: 3_000 },
    );
  });

  test('leaves undecided only what some zone has outside of it', () => {
    fc.assert(
      fc.property(fc.integer({ min: -86_400, max: 7 * 86_400 }), zones, (second, zone) => {
        const seconds = utc('2026-06-15T00:00:00') + second;
        const range = rangeBetween({ day: '2026-06-15' }, { day: '2026-06-20' });
        const isUndecided = undecidedSpans(range).some(
          ({ fromSeconds, toSeconds }) => seconds >= fromSeconds && seconds <= toSeconds,
        );
        const isWithin = seconds >= range.fromSeconds && seconds <= range.toSeconds;
        expect(isUndecided || !isWithin || inRange(range)(seconds, zone)).toBe(true);
      }),
      { seed: SEED, numRuns: 1_000 },
    );
    const middle = utc('2026-06-17T12:00:00');
    const spans = undecidedSpans(rangeBetween({ day: '2026-06-15' }, { day: '2026-06-20' }));
    expect(spans.some(({ fromSeconds, toSeconds }) => middle >= fromSeconds && middle <= toSeconds)).toBe(false);
  });

  test('that follow each other have every moment once', () => {
    const at = utc('2026-06-15T22:30:00');
    const days = ['2026-06-14', '2026-06-15', '2026-06-16'];
    for (const zone of ZONES) {
      const holding = days.filter((day) => inRange(rangeBetween({ day }, { day }))(at, zone));
      expect(holding).toEqual([localDay(at, zone)]);
    }
  });

  test('that no day of some zone is has nothing of that zone', () => {
    const skipped = rangeBetween({ day: '2011-12-30' }, { day: '2011-12-30' });
    for (const seconds of [utc('2011-12-30T09:59:59'), utc('2011-12-30T10:00:00')]) {
      expect(inRange(skipped)(seconds, 'Pacific/Apia')).toBe(false);
    }
  });
});

test('a range of moments leaves nothing to decide', () => {
  const range = rangeBetween({ seconds: 1_000 }, { seconds: 2_000 });
  expect(range).toMatchObject({ fromSeconds: 1_000, toSeconds: 2_000 });
  expect(undecidedSpans(range)).toEqual([]);
  expect(inRange(range)(1_500, 'Pacific/Kiritimati')).toBe(true);
});

test('a range is reversed if it ends before it begins, and a day is not before itself', () => {
  expect(isReversed(rangeBetween({ day: '2026-06-15' }, { day: '2026-06-14' }))).toBe(true);
  expect(isReversed(rangeBetween({ day: '2026-06-15' }, { day: '2026-06-15' }))).toBe(false);
  expect(isReversed(rangeBetween({ seconds: 2 }, { seconds: 1 }))).toBe(true);
  expect(isReversed(rangeBetween({ seconds: 1 }, { seconds: 1 }))).toBe(false);
});

describe('the days that a range has all of', () => {
  test('are those named, or any where a side is open', () => {
    const named = rangeBetween({ day: '2026-06-15' }, { day: '2026-06-20' });
    expect(wholeDaysOf(named, 'Asia/Tokyo')).toEqual({ first: '2026-06-15', last: '2026-06-20' });
    expect(wholeDaysOf(rangeBetween(undefined, undefined), 'UTC')).toEqual({ first: undefined, last: undefined });
  });

  test.each([
    ['2026-06-15T00:00:00', '2026-06-20T23:59:59', '2026-06-15', '2026-06-20'],
    ['2026-06-15T00:00:01', '2026-06-20T23:59:58', '2026-06-16', '2026-06-19'],
  ])('of moments from %s to %s are %s to %s', (from, to, first, last) => {
    const range = rangeBetween({ seconds: utc(from) }, { seconds: utc(to) });
    expect(wholeDaysOf(range, 'UTC')).toEqual({ first, last });
  });
});
