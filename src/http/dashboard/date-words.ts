import { type EpochMs, startOfUtcDate } from '../../domain/time.ts';

/** Days and times in words: one style on every page. The page's script writes the same one in the reader's zone. */

/** A day, `2026-06-15`, as 15 Jun 2026. */
export const dayText = (day: string): string => dateText(startOfUtcDate(day), LONG);

const LONG = { day: 'numeric', month: 'short', year: 'numeric' } as const;

/** Parts of a date, of UTC. */
export const dateText = (at: EpochMs, parts: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat('en-GB', { ...parts, timeZone: 'UTC' }).format(at);

/** A local time, `2026-06-15T07:30:00+02:00`, to the minute: 15 Jun 2026, 07:30. */
export const minuteText = (time: string): string => `${dayText(time.slice(0, 10))}, ${time.slice(11, 16)}`;
