import { DAY_MS, type EpochMs } from './time.ts';

export type ActivityKind = 'synced' | 'refreshed';

/** How many days of activity are stored and shown, today included. */
export const ACTIVITY_DAYS = 30;

/** A UTC day as a number: days since the epoch. */
export type EpochDay = number;

const epochDay = (at: EpochMs): EpochDay => Math.floor(at / DAY_MS);

export type DayActivity = { day: EpochDay; synced: number; refreshed: number };

/** The last `ACTIVITY_DAYS` days, oldest first; days without activity have zeros. */
export const lastDays = (counted: readonly DayActivity[], now: EpochMs): DayActivity[] => {
  const today = epochDay(now);
  const byDay = new Map(counted.map((one) => [one.day, one]));
  return Array.from({ length: ACTIVITY_DAYS }, (_, index) => {
    const day = today - ACTIVITY_DAYS + 1 + index;
    return byDay.get(day) ?? { day, synced: 0, refreshed: 0 };
  });
};
