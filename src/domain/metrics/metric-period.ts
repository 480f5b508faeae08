/**
 * Measurements by the user's local days, ISO weeks and months. The day is that of the measurement's time zone. So a
 * weigh-in counts for the day that the user saw on the clock, wherever they traveled since.
 */

import { DAY_MS, type EpochSeconds, startOfUtcDate, utcDate } from '../time.ts';
import { roundHalfUp } from './rounding.ts';
import { addDays, type WholeDays } from './time-range.ts';

export type PeriodLength = 'day' | 'week' | 'month';

/** A day (`2024-01-27`), an ISO week (`2024-W04`) or a month (`2024-01`), and its first and last day. */
export type Period = { name: string; firstDay: string; lastDay: string };

const daysBetween = (day: string, later: string): number => (startOfUtcDate(later) - startOfUtcDate(day)) / DAY_MS;

export const periodOf = (day: string, length: PeriodLength): Period => {
  switch (length) {
    case 'day':
      return { name: day, firstDay: day, lastDay: day };
    case 'week':
      return weekOf(day);
    case 'month':
      return monthOf(day);
  }
};

const periodAfter = ({ lastDay }: Period, length: PeriodLength): Period => periodOf(addDays(lastDay, 1), length);

/** ISO 8601: a week begins on Monday and belongs to the year of its Thursday. */
const weekOf = (day: string): Period => {
  const ms = startOfUtcDate(day);
  const monday = ms - ((new Date(ms).getUTCDay() + 6) % 7) * DAY_MS;
  const year = new Date(monday + 3 * DAY_MS).getUTCFullYear();
  const yearsFirst = Date.UTC(year, 0, 4);
  const yearsFirstMonday = yearsFirst - ((new Date(yearsFirst).getUTCDay() + 6) % 7) * DAY_MS;
  const week = Math.round((monday - yearsFirstMonday) / (7 * DAY_MS)) + 1;
  return {
    name: `${String(year).padStart(4, '0')}-W${String(week).padStart(2, '0')}`,
    firstDay: utcDate(monday),
    lastDay: utcDate(monday + 6 * DAY_MS),
  };
};

const monthOf = (day: string): Period => {
  const name = day.slice(0, 7);
  const [year = 0, month = 0] = name.split('-').map(Number);
  return { name, firstDay: `${name}-01`, lastDay: utcDate(Date.UTC(year, month, 0)) };
};

export type DatedValue = { day: string; measuredAtSeconds: EpochSeconds; value: number };

/** The summary of a period's values. A period without values has none, unless it was filled. */
export type PeriodSummary = Period & {
  first: number;
  last: number;
  min: number;
  max: number;
  mean: number;
  /** The number of values; 0 in a filled period. */
  count: number;
};

/**
 * Summaries of the periods that have values, oldest first.
 *
 * @param values of one series, oldest first
 */
export const summarize = (values: readonly DatedValue[], length: PeriodLength): PeriodSummary[] => {
  const periods = new Map<string, { period: Period; values: number[] }>();
  for (const { day, value } of values) {
    const period = periodOf(day, length);
    const known = periods.get(period.name) ?? { period, values: [] };
    known.values.push(value);
    periods.set(period.name, known);
  }
  return [...periods.values()]
    .map(({ period, values }) => ({ ...period, ...figuresOf(values) }))
    .sort((a, b) => (a.firstDay < b.firstDay ? -1 : 1));
};

const figuresOf = (values: readonly number[]) => ({
  first: values[0] ?? 0,
  last: values.at(-1) ?? 0,
  min: values.reduce((least, value) => Math.min(least, value), Infinity),
  max: values.reduce((most, value) => Math.max(most, value), -Infinity),
  mean: meanOf(values),
  count: values.length,
});

/** More digits than any device resolves, but few enough to hide floating-point errors of the sum. */
const MEAN_DECIMALS = 4;

const meanOf = (values: readonly number[]): number =>
  roundHalfUp(values.reduce((sum, value) => sum + value, 0) / values.length, MEAN_DECIMALS);

/** Whether a period reaches beyond a range, so that not all of its values are in it. */
export const isPartial = ({ firstDay, lastDay }: Period, { first, last }: WholeDays): boolean =>
  (first !== undefined && firstDay < first) || (last !== undefined && lastDay > last);

/** Where gaps are filled, and with what where they begin. */
export type Filling = {
  /** The newest value before `fromDay`; undefined if there is none. */
  before: DatedValue | undefined;
  /** The first day of the range; undefined if the range has none, so that the first value is where filling begins. */
  fromDay: string | undefined;
  /** The last day to fill. */
  untilDay: string;
};

/** A value is not repeated for longer: a clock that was set to 1970 once would make 20,000 days of one value. */
const MOST_FILLED_DAYS = 3_660;

/**
 * Fills gaps: a period without values repeats the last value before it. A gap of more than ten years stays one.
 *
 * @param most the largest number of periods
 * @returns undefined if there would be more
 */
export const carryForward = (
  summaries: readonly PeriodSummary[],
  length: PeriodLength,
  { before, fromDay, untilDay }: Filling,
  most: number,
): PeriodSummary[] | undefined => {
  const filled: PeriodSummary[] = [];
  /** Fills from a period up to the next summary; false where that makes too many. */
  const fill = (start: Period, value: DatedValue, next: PeriodSummary | undefined): boolean => {
    const end = next === undefined || next.firstDay > untilDay ? addDays(untilDay, 1) : next.firstDay;
    if (daysBetween(value.day, end) > MOST_FILLED_DAYS) return true;
    for (let period = start; period.firstDay < end; period = periodAfter(period, length)) {
      if (filled.length >= most) return false;
      filled.push({ ...period, ...figuresOf([value.value]), count: 0 });
    }
    return true;
  };
  if (before !== undefined && fromDay !== undefined && !fill(periodOf(fromDay, length), before, summaries[0])) {
    return undefined;
  }
  for (const [index, summary] of summaries.entries()) {
    filled.push(summary);
    const last = { day: summary.lastDay, measuredAtSeconds: 0, value: summary.last };
    if (!fill(periodAfter(summary, length), last, summaries[index + 1])) return undefined;
  }
  return filled;
};
