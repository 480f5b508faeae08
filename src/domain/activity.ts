import { DAY_MS, type EpochMs } from './time.ts';

/** What is counted by the day. */
export type ActivityKind = 'synced' | 'refreshed';

/** How many days, today included, activity is kept and shown. */
export const ACTIVITY_DAYS = 30;

/** A UTC day as a number: days since the epoch. */
export type EpochDay = number;

/** The UTC day in which a moment falls. */
const epochDay = (at: EpochMs): EpochDay => Math.floor(at / DAY_MS);

/** What happened on one UTC day. */
export type DayActivity = { day: EpochDay; synced: number; refreshed: number };

/** The last days, oldest first, today the last; a day on which nothing happened has zeros. */
export const lastDays = (counted: readonly DayActivity[], now: EpochMs): DayActivity[] => {
  const today = epochDay(now);
  const byDay = new Map(counted.map((one) => [one.day, one]));
  return Array.from({ length: ACTIVITY_DAYS }, (_, index) => {
    const day = today - ACTIVITY_DAYS + 1 + index;
    return byDay.get(day) ?? { day, synced: 0, refreshed: 0 };
  });
};
