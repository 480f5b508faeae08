import { DAY_MS, type EpochMs, type EpochSeconds, SECOND_MS } from './time.ts';

/** How many days of activity are stored and shown, today included. */
export const ACTIVITY_DAYS = 30;

/** How far back the operator is shown lost connections. */
export const LOST_WITHIN_DAYS = 30;

/** A UTC day as a number: days since the epoch. */
export type EpochDay = number;

const epochDay = (at: EpochMs): EpochDay => Math.floor(at / DAY_MS);

/** The delays that are told apart, by their upper bounds in seconds. One more kind is longer than all of them. */
export const DELAY_BOUNDS_SECONDS = [
  2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000,
] as const;

/** A position in `DELAY_BOUNDS_SECONDS`, or its length for longer delays. */
export type DelayKind = number;

/** What a sync adds to the activity besides itself. */
export type SyncActivity = {
  /** Whether a push of Withings led to it. */
  isPushed: boolean;
  /** Of the weigh-ins that it stored. */
  delays: readonly DelayKind[];
};

export type DayActivity = {
  day: EpochDay;
  /** Syncs that Withings' pushes led to. */
  pushed: number;
  /** All syncs. */
  synced: number;
  refreshed: number;
  /** Weigh-ins by the time that they took to be stored: one count for each kind of delay. */
  delays: number[];
};

/** A day on which nothing happened. */
export const quietDay = (day: EpochDay): DayActivity => ({
  day,
  pushed: 0,
  synced: 0,
  refreshed: 0,
  delays: Array.from({ length: DELAY_BOUNDS_SECONDS.length + 1 }, () => 0),
});

/** The last `ACTIVITY_DAYS` days, oldest first; days without activity have zeros. */
export const lastDays = (counted: readonly DayActivity[], now: EpochMs): DayActivity[] => {
  const today = epochDay(now);
  const byDay = new Map(counted.map((one) => [one.day, one]));
  return Array.from({ length: ACTIVITY_DAYS }, (_, index) => {
    const day = today - ACTIVITY_DAYS + 1 + index;
    return byDay.get(day) ?? quietDay(day);
  });
};

/**
 * The delay of each weigh-in that is stored now, from the time when Withings had it. The time of the scale would count
 * entries that a person dates back. A weigh-in is one, though Withings makes several groups of it. What Withings had
 * before the user connected is history and has no delay.
 */
export const delaysOf = (
  groups: readonly { measuredAtSeconds: EpochSeconds; createdAtSeconds: EpochSeconds }[],
  connectedAt: EpochMs,
  now: EpochMs,
): DelayKind[] => {
  const recent = groups.filter(({ createdAtSeconds }) => createdAtSeconds * SECOND_MS >= connectedAt);
  const byWeighIn = new Map(
    recent.map(({ measuredAtSeconds, createdAtSeconds }) => [measuredAtSeconds, createdAtSeconds]),
  );
  return [...byWeighIn.values()].map((createdAtSeconds) => delayKind(now - createdAtSeconds * SECOND_MS));
};

/** The kind of a delay. */
export const delayKind = (delayMs: number): DelayKind => {
  const kind = DELAY_BOUNDS_SECONDS.findIndex((bound) => delayMs <= bound * SECOND_MS);
  return kind < 0 ? DELAY_BOUNDS_SECONDS.length : kind;
};

/** Within which delay this share of the counted weigh-ins was stored; undefined if none was counted. */
export const delayOfShare = (delays: readonly number[], share: number): DelayKind | undefined => {
  const wanted = share * delays.reduce((sum, count) => sum + count, 0);
  if (wanted === 0) return undefined;
  let counted = 0;
  return delays.findIndex((count) => (counted += count) >= wanted);
};
