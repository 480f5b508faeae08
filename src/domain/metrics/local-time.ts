/**
 * Instants and days in the user's local time. An instant is Unix seconds; a day is `YYYY-MM-DD` in a time zone.
 *
 * Local time is UTC plus the zone's offset at that instant, in whole minutes, because RFC 3339 offsets have no seconds.
 * Days are not always 24 hours long, and some do not exist (Apia has no 2011-12-30). If clocks went back across
 * midnight (St. John's until 2011), a day continues after the next one has begun. A zone that the runtime does not know
 * counts as UTC.
 */

import { tzOffset } from '@date-fns/tz/tzOffset';

import { fail, ok, type Result } from '../result.ts';
import { DAY_MS, type EpochSeconds, SECOND_MS, startOfUtcDate, utcDate } from '../time.ts';

const SECONDS_PER_DAY = 24 * 60 * 60;

/** The years 0001 to 9999 without the first and last day, so that the local year has four digits in every zone. */
const FIRST_INSTANT_SECONDS = Date.parse('0001-01-02T00:00:00Z') / 1000;
const LAST_INSTANT_SECONDS = Date.parse('9999-12-30T23:59:59Z') / 1000;

/** Whether this is whole seconds that RFC 3339 can express in every zone. */
export const isExpressibleInstant = (seconds: number): boolean =>
  Number.isInteger(seconds) && seconds >= FIRST_INSTANT_SECONDS && seconds <= LAST_INSTANT_SECONDS;

/** About 600 names exist; beyond this number they can only be misspellings. */
const ZONES_REMEMBERED = 1000;
const zonesSeen = new Map<string, boolean>();

/**
 * Whether the runtime's time zone database has this name (`Europe/Oslo`). Cached, because a query of the runtime costs
 * as much as formatting 50 times.
 */
export const isKnownTimeZone = (timeZone: string): boolean => {
  const seen = zonesSeen.get(timeZone);
  if (seen !== undefined) return seen;
  let known = true;
  try {
    Intl.DateTimeFormat('en', { timeZone });
  } catch {
    known = false;
  }
  if (zonesSeen.size >= ZONES_REMEMBERED) zonesSeen.clear();
  zonesSeen.set(timeZone, known);
  return known;
};

/** Seconds to add to UTC, a whole number of minutes, from the runtime's database. */
const lookUpOffset = (seconds: number, timeZone: string): number =>
  // tzOffset returns the wrong sign for offsets of less than an hour west of Greenwich. The last one ended in 1972.
  Math.round(tzOffset(timeZone, new Date(seconds * 1000))) * 60;

/**
 * Since 1970 no zone has changed its clocks twice within a week (Boa Vista's summer time of 2000 lasted seven days). So
 * a span of four days with the same offset at both ends has no other in between.
 */
const SPAN_SECONDS = 4 * SECONDS_PER_DAY;
const SPANS_REMEMBERED = 2_000;
const offsetsAtStart = new Map<string, Map<number, number>>();

const offsetAtStart = (span: number, timeZone: string): number => {
  const ofZone = offsetsAtStart.get(timeZone) ?? new Map<number, number>();
  const remembered = ofZone.get(span);
  if (remembered !== undefined) return remembered;
  const offset = lookUpOffset(span * SPAN_SECONDS, timeZone);
  if (ofZone.size >= SPANS_REMEMBERED) ofZone.clear();
  offsetsAtStart.set(timeZone, ofZone.set(span, offset));
  return offset;
};

/**
 * Seconds to add to UTC, a whole number of minutes.
 *
 * Cached by span: a lookup formats a date, which took longer than everything else about a value on a page of metrics.
 */
const offsetSeconds = (seconds: number, timeZone: string): number => {
  // tzOffset must not get unknown names: it parses an offset from `Nowhere+05` and finds objects for `constructor`.
  if (!isKnownTimeZone(timeZone)) return 0;
  if (seconds < 0) return lookUpOffset(seconds, timeZone);
  const span = Math.floor(seconds / SPAN_SECONDS);
  const offset = offsetAtStart(span, timeZone);
  return offset === offsetAtStart(span + 1, timeZone) ? offset : lookUpOffset(seconds, timeZone);
};

const TWO_DIGITS = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));

/** `18:32`, or an offset without its sign. */
const formatMinutes = (minutes: number): string =>
  `${TWO_DIGITS[Math.floor(minutes / 60)]}:${TWO_DIGITS[minutes % 60]}`;

/** `+01:00`; UTC is `+00:00`, so that every time has one shape. */
const formatOffset = (offset: number): string => `${offset < 0 ? '-' : '+'}${formatMinutes(Math.abs(offset) / 60)}`;

const DAYS_REMEMBERED = 10_000;
const dayNames = new Map<number, string>();

/** The date of a day counted from 1970-01-01. Cached, because formatting one takes longer than the rest of a time. */
const dayName = (day: number): string => {
  const remembered = dayNames.get(day);
  if (remembered !== undefined) return remembered;
  const name = utcDate(day * DAY_MS);
  if (dayNames.size >= DAYS_REMEMBERED) dayNames.clear();
  dayNames.set(day, name);
  return name;
};

/**
 * An instant in RFC 3339 with the user's offset: `2024-01-27T18:32:10+01:00`. UTC and unknown zones give `+00:00`.
 *
 * @param seconds Unix seconds for which `isExpressibleInstant` holds
 */
export const toRfc3339 = (seconds: number, timeZone: string): string => {
  const offset = offsetSeconds(seconds, timeZone);
  const day = Math.floor((seconds + offset) / SECONDS_PER_DAY);
  const secondOfDay = seconds + offset - day * SECONDS_PER_DAY;
  const time = `${formatMinutes(Math.floor(secondOfDay / 60))}:${TWO_DIGITS[secondOfDay % 60]}`;
  return `${dayName(day)}T${time}${formatOffset(offset)}`;
};

/**
 * The user's calendar day of an instant, `YYYY-MM-DD`.
 *
 * @param seconds Unix seconds for which `isExpressibleInstant` holds
 */
export const localDay = (seconds: number, timeZone: string): string =>
  dayName(Math.floor((seconds + offsetSeconds(seconds, timeZone)) / SECONDS_PER_DAY));

/** Which side of a range a moment stands on. */
type Edge = 'start' | 'end';

/** One side of a range: a moment in Unix seconds, or a local day (`YYYY-MM-DD`), whose moments depend on the zone. */
export type Bound = { seconds: EpochSeconds } | { day: string };

/**
 * - `not_a_bound`: the text is neither an RFC 3339 time nor a date
 * - `no_such_moment`: its form is right, but no calendar or clock has it (2023-02-29, 24:00)
 */
export type BoundFailure = {
  kind: 'not_a_bound' | 'no_such_moment';
  /** A sentence part for the person who wrote the text; it does not repeat the text. */
  reason: string;
};

const fails = (kind: BoundFailure['kind'], reason: string) => fail({ kind, reason });

const FORM = 'must be a date (2024-01-27) or an RFC 3339 time (2024-01-27T18:32:10+01:00)';
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DATE_TIME = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})(\.\d{1,9})?(?:Z|([+-])(\d{2}):(\d{2}))$/i;
/** `2024-01-27T18:32:10+01:00` after a form decoder turned its plus into a space. */
const LOST_PLUS = /T\d{2}:\d{2}:\d{2}(?:\.\d+)? \d{2}:\d{2}$/i;

/** Unix seconds at which a date begins in UTC; undefined for one that the calendar lacks. */
export const utcMidnight = (date: string): EpochSeconds | undefined => {
  const start = startOfUtcDate(date);
  // Date.parse reads 2023-02-29 as 1 March.
  return Number.isNaN(start) || utcDate(start) !== date ? undefined : start / SECOND_MS;
};

const noSuchDate = fails('no_such_moment', 'is a date that does not exist');

const parseDateTime = (match: RegExpExecArray, edge: Edge): Result<Bound, BoundFailure> => {
  const [, date = '', hours, minutes, wholeSeconds, fraction, sign, offsetHours = 0, offsetMinutes = 0] = match;
  const midnightSeconds = utcMidnight(date);
  if (midnightSeconds === undefined) return noSuchDate;
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(wholeSeconds) > 59) {
    return fails('no_such_moment', 'has a time of day beyond 23:59:59');
  }
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) {
    return fails('no_such_moment', 'has an offset beyond 23:59');
  }
  const secondsOfDay = Number(hours) * 3600 + Number(minutes) * 60 + Number(wholeSeconds);
  const offset = (Number(offsetHours) * 3600 + Number(offsetMinutes) * 60) * (sign === '-' ? -1 : 1);
  // Measurements have whole seconds: take the first one not before and the last one not after the bound.
  const isRoundedUp = edge === 'start' && Number(fraction ?? 0) > 0;
  return ok({ seconds: midnightSeconds + secondsOfDay - offset + (isRoundedUp ? 1 : 0) });
};

/**
 * A bound as a person writes it: an RFC 3339 time with offset, or a date for a whole local day. Leap seconds (`:60`)
 * are refused, because Unix time has none.
 *
 * @param edge which side of a range the text bounds
 */
export const parseBound = (text: string, edge: Edge): Result<Bound, BoundFailure> => {
  if (DATE.test(text)) return utcMidnight(text) === undefined ? noSuchDate : ok({ day: text });
  const match = DATE_TIME.exec(text);
  if (match !== null) return parseDateTime(match, edge);
  if (LOST_PLUS.test(text)) {
    return fails('not_a_bound', 'has a space where its offset begins: write + as %2B in a URL');
  }
  return fails('not_a_bound', FORM);
};
