import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { localDay } from '../../../src/domain/metrics/local-time.ts';
import {
  carryForward,
  type Filling,
  isPartial,
  periodOf,
  type PeriodLength,
  summarize,
} from '../../../src/domain/metrics/metric-period.ts';

const at = (instant: string) => Date.parse(instant) / 1000;
const dated = (instant: string, timeZone: string, value: number) => ({
  day: localDay(at(instant), timeZone),
  measuredAtSeconds: at(instant),
  value,
});
const daysOf = (timeZone: string, instants: readonly string[], length: PeriodLength = 'day') =>
  summarize(
    instants.map((instant, index) => dated(instant, timeZone, index)),
    length,
  ).map(({ name, count }) => [name, count]);

describe('a day is the user’s day', () => {
  test.each([
    ['Pacific/Kiritimati', ['2024-06-30T09:59:59Z', '2024-06-30T10:00:00Z'], ['2024-06-30', '2024-07-01']],
    ['Asia/Kolkata', ['2024-06-30T18:29:59Z', '2024-06-30T18:30:00Z'], ['2024-06-30', '2024-07-01']],
    ['America/St_Johns', ['2024-07-01T02:29:59Z', '2024-07-01T02:30:00Z'], ['2024-06-30', '2024-07-01']],
    ['America/St_Johns', ['2024-01-01T03:29:59Z', '2024-01-01T03:30:00Z'], ['2023-12-31', '2024-01-01']],
    ['Europe/Oslo', ['2024-06-30T21:59:59Z', '2024-06-30T22:00:00Z'], ['2024-06-30', '2024-07-01']],
    ['Europe/Oslo', ['2024-12-31T22:59:59Z', '2024-12-31T23:00:00Z'], ['2024-12-31', '2025-01-01']],
    // A leap day, and the day of 23 hours and of 25.
    [
      'Europe/Oslo',
      ['2024-02-28T23:00:00Z', '2024-02-29T22:59:59Z', '2024-02-29T23:00:00Z'],
      ['2024-02-29', '2024-03-01'],
    ],
    [
      'Europe/Oslo',
      ['2024-03-30T23:00:00Z', '2024-03-31T21:59:59Z', '2024-03-31T22:00:00Z'],
      ['2024-03-31', '2024-04-01'],
    ],
    [
      'Europe/Oslo',
      ['2024-10-26T22:00:00Z', '2024-10-27T22:59:59Z', '2024-10-27T23:00:00Z'],
      ['2024-10-27', '2024-10-28'],
    ],
    [
      'America/St_Johns',
      ['2024-03-10T03:30:00Z', '2024-03-11T02:29:59Z', '2024-03-11T02:30:00Z'],
      ['2024-03-10', '2024-03-11'],
    ],
    [
      'America/St_Johns',
      ['2024-11-03T02:30:00Z', '2024-11-04T03:29:59Z', '2024-11-04T03:30:00Z'],
      ['2024-11-03', '2024-11-04'],
    ],
  ])('%s %j', (timeZone, instants, days) => {
    expect(daysOf(timeZone, instants).map(([name]) => name)).toEqual(days);
  });
});

test('weeks are ISO weeks, and months months', () => {
  const names = (day: string) => [periodOf(day, 'week').name, periodOf(day, 'month').name];
  expect(names('2020-12-31')).toEqual(['2020-W53', '2020-12']);
  expect(names('2021-01-03')).toEqual(['2020-W53', '2021-01']);
  expect(names('2021-01-04')).toEqual(['2021-W01', '2021-01']);
  expect(names('2024-12-30')).toEqual(['2025-W01', '2024-12']);
  expect(periodOf('2024-02-10', 'month')).toEqual({ name: '2024-02', firstDay: '2024-02-01', lastDay: '2024-02-29' });
});

test('a summary has the figures of its values, and a gap is no summary', () => {
  const values = [
    dated('2024-01-01T08:00:00Z', 'UTC', 70.1),
    dated('2024-01-01T09:00:00Z', 'UTC', 70.3),
    dated('2024-01-03T09:00:00Z', 'UTC', 69),
  ];
  expect(summarize(values, 'day')).toEqual([
    {
      name: '2024-01-01',
      firstDay: '2024-01-01',
      lastDay: '2024-01-01',
      first: 70.1,
      last: 70.3,
      min: 70.1,
      max: 70.3,
      mean: 70.2,
      count: 2,
    },
    {
      name: '2024-01-03',
      firstDay: '2024-01-03',
      lastDay: '2024-01-03',
      first: 69,
      last: 69,
      min: 69,
      max: 69,
      mean: 69,
      count: 1,
    },
  ]);
});

const filledWith = (
  values: readonly ReturnType<typeof dated>[],
  filling: Partial<Filling> & Pick<Filling, 'untilDay'>,
  length: PeriodLength = 'day',
  most = 20_000,
) =>
  carryForward(summarize(values, length), length, { before: undefined, fromDay: undefined, ...filling }, most)?.map(
    ({ name, last, count }) => [name, last, count],
  );

describe('gaps are filled', () => {
  const values = [dated('2024-02-27T08:00:00Z', 'UTC', 70), dated('2024-03-01T08:00:00Z', 'UTC', 69)];
  const before = dated('2024-02-01T08:00:00Z', 'UTC', 71);

  test('on request, up to a day and no further', () => {
    expect(filledWith(values, { untilDay: '2024-03-03' })).toEqual([
      ['2024-02-27', 70, 1],
      ['2024-02-28', 70, 0],
      ['2024-02-29', 70, 0],
      ['2024-03-01', 69, 1],
      ['2024-03-02', 69, 0],
      ['2024-03-03', 69, 0],
    ]);
    expect(filledWith(values, { untilDay: '2024-12-31' }, 'day', 100)).toBeUndefined();
  });

  test('not beyond that day for a value that is dated ahead', () => {
    expect(filledWith(values, { untilDay: '2024-02-28' })).toEqual([
      ['2024-02-27', 70, 1],
      ['2024-02-28', 70, 0],
      ['2024-03-01', 69, 1],
    ]);
  });

  test('with the value before the range, from its first day', () => {
    const filling = { before, fromDay: '2024-02-26', untilDay: '2024-02-28' };
    expect(filledWith(values, filling)?.slice(0, 3)).toEqual([
      ['2024-02-26', 71, 0],
      ['2024-02-27', 70, 1],
      ['2024-02-28', 70, 0],
    ]);
    expect(filledWith([], filling)).toEqual([
      ['2024-02-26', 71, 0],
      ['2024-02-27', 71, 0],
      ['2024-02-28', 71, 0],
    ]);
    expect(filledWith([], filling, 'week')).toEqual([['2024-W09', 71, 0]]);
    expect(filledWith([], { ...filling, before: undefined })).toEqual([]);
    expect(filledWith(values, filling, 'month')?.[0]).toEqual(['2024-02', 70, 1]);
  });

  test('not if they are longer than ten years', () => {
    const first = dated('1970-01-01T00:00:00Z', 'UTC', 60);
    const old = filledWith([first, ...values], { untilDay: '2024-03-02' }) ?? [];
    expect(old.map(([day]) => day)).toEqual([
      '1970-01-01',
      '2024-02-27',
      '2024-02-28',
      '2024-02-29',
      '2024-03-01',
      '2024-03-02',
    ]);
    expect(filledWith([], { before: first, fromDay: '2024-02-26', untilDay: '2024-02-28' })).toEqual([]);
  });
});

test('a period is partial if the range cuts it', () => {
  const week = periodOf('2026-06-17', 'week');
  expect(isPartial(week, { first: undefined, last: undefined })).toBe(false);
  expect(isPartial(week, { first: '2026-06-15', last: '2026-06-21' })).toBe(false);
  expect(isPartial(week, { first: '2026-06-16', last: undefined })).toBe(true);
  expect(isPartial(week, { first: undefined, last: '2026-06-20' })).toBe(true);
});

test('a mean that ends in an exact half is rounded up', () => {
  const values = [70.0001, 70].map((kg, index) => dated(`2024-01-01T0${index}:00:00Z`, 'UTC', kg));
  expect(summarize(values, 'day')[0]?.mean).toBe(70.0001);
});

test('periods follow each other without gap or overlap, and hold each value once', () => {
  const lengths = fc.constantFrom<PeriodLength>('day', 'week', 'month');
  const zones = fc.constantFrom('Pacific/Kiritimati', 'Asia/Kolkata', 'America/St_Johns', 'Europe/Oslo');
  const times = fc.array(fc.integer({ min: at('2011-06-01T00:00:00Z'), max: at('2026-12-31T00:00:00Z') }), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(lengths, zones, times, (length, timeZone, seconds) => {
      const values = seconds
        .toSorted((a, b) => a - b)
        .map((second, value) => ({ day: localDay(second, timeZone), measuredAtSeconds: second, value }));
      const summaries = summarize(values, length);
      expect(summaries.reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
      for (const { day } of values) {
        expect(summaries.filter(({ firstDay, lastDay }) => firstDay <= day && day <= lastDay)).toHaveLength(1);
      }
    }),
  );
});
