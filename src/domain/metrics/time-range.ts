import { DAY_MS, type EpochSeconds, startOfUtcDate, utcDate } from '../time.ts';
import { type Bound, localDay, utcMidnight } from './local-time.ts';

/** A stretch of time, both ends inclusive. */
export type Span = { fromSeconds: EpochSeconds; toSeconds: EpochSeconds };

/**
 * The requested time. Dates mean local days where the measurement was made, as periods do. So the span is wide enough
 * for these days in every zone, and `inRange` decides which of its values count.
 */
export type TimeRange = Span & { firstDay?: string | undefined; lastDay?: string | undefined };

/** Further than any measurement, and still an exact integer in SQLite and JavaScript. */
const LAST_SECOND = 253_402_300_799;
/** Nothing that a calendar expresses comes before. */
const FIRST_SECOND = -62_135_596_800;

const DAY_SECONDS = 86_400;
/** No zone was ever further from UTC: Manila's was 15:56 behind until 1844. */
const MOST_OFFSET_SECONDS = 16 * 3_600;

/** Where it depends on the zone whether a day has begun. */
const beginningOf = (day: string, days = 0): Span => {
  const midnight = (utcMidnight(day) ?? 0) + days * DAY_SECONDS;
  return { fromSeconds: midnight - MOST_OFFSET_SECONDS, toSeconds: midnight + MOST_OFFSET_SECONDS };
};

const endOf = (day: string): Span => beginningOf(day, 1);

/** The range between two bounds; an absent one leaves that side open. */
export const rangeBetween = (from: Bound | undefined, to: Bound | undefined): TimeRange => {
  const firstDay = from !== undefined && 'day' in from ? from.day : undefined;
  const lastDay = to !== undefined && 'day' in to ? to.day : undefined;
  return {
    fromSeconds: firstDay === undefined ? secondsOf(from, FIRST_SECOND) : beginningOf(firstDay).fromSeconds,
    toSeconds: lastDay === undefined ? secondsOf(to, LAST_SECOND) : endOf(lastDay).toSeconds,
    firstDay,
    lastDay,
  };
};

const secondsOf = (bound: Bound | undefined, whenAbsent: EpochSeconds): EpochSeconds =>
  bound !== undefined && 'seconds' in bound ? bound.seconds : whenAbsent;

/** Whether a range ends before it begins. */
export const isReversed = ({ fromSeconds, toSeconds, firstDay, lastDay }: TimeRange): boolean =>
  firstDay === undefined || lastDay === undefined ? fromSeconds > toSeconds : firstDay > lastDay;

/** Says of a value within the range's span, by its moment and zone, whether it is in the range. */
export const inRange = ({ firstDay, lastDay }: TimeRange): ((seconds: EpochSeconds, timeZone: string) => boolean) => {
  // Naming a day costs more than the comparison that mostly spares it.
  const begun = firstDay === undefined ? -Infinity : beginningOf(firstDay).toSeconds;
  const ending = lastDay === undefined ? Infinity : endOf(lastDay).fromSeconds;
  return (seconds, timeZone) => {
    if (seconds > begun && seconds < ending) return true;
    const day = localDay(seconds, timeZone);
    return (firstDay === undefined || day >= firstDay) && (lastDay === undefined || day <= lastDay);
  };
};

/** The parts of a range's span whose values may turn out not to be in it. */
export const undecidedSpans = ({ firstDay, lastDay }: TimeRange): Span[] => [
  ...(firstDay === undefined ? [] : [beginningOf(firstDay)]),
  ...(lastDay === undefined ? [] : [endOf(lastDay)]),
];

/** The first and the last day that a range has all of; undefined if a side is open. */
export type WholeDays = { first: string | undefined; last: string | undefined };

/** The days that a range has all of. Moments are taken for those of `timeZone`. */
export const wholeDaysOf = (range: TimeRange, timeZone: string): WholeDays => {
  const { fromSeconds, toSeconds, firstDay, lastDay } = range;
  const isOpen = { start: fromSeconds <= FIRST_SECOND, end: toSeconds >= LAST_SECOND };
  return {
    first: firstDay ?? (isOpen.start ? undefined : addDays(localDay(fromSeconds - 1, timeZone), 1)),
    last: lastDay ?? (isOpen.end ? undefined : addDays(localDay(toSeconds + 1, timeZone), -1)),
  };
};

/** The day so many days after another. */
export const addDays = (day: string, days: number): string => utcDate(startOfUtcDate(day) + days * DAY_MS);
