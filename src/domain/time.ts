/** Unix milliseconds: our own times. */
export type EpochMs = number;

/** Unix seconds: times that Withings gives and takes. */
export type EpochSeconds = number;

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** The whole second in which an instant falls. */
export const toSeconds = (at: EpochMs): EpochSeconds => Math.floor(at / SECOND_MS);
