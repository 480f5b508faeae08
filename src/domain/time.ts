/** Unix milliseconds: the broker's own times. */
export type EpochMs = number;

/** Unix seconds: Withings' times. */
export type EpochSeconds = number;

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** The date of a moment in UTC: `2026-06-15`. */
export const utcDate = (at: EpochMs): string => new Date(at).toISOString().slice(0, 10);

/** When a date begins in UTC. */
export const startOfUtcDate = (date: string): EpochMs => Date.parse(`${date}T00:00:00Z`);

export const toSeconds = (at: EpochMs): EpochSeconds => Math.floor(at / SECOND_MS);
