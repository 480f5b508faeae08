import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS, SECOND_MS } from '../time.ts';

/** When an event is sent again, and when a receiver is given up. */

/** Pauses after the first, second, … failure; the last one repeats until `GIVE_UP_AFTER_MS`. */
const PAUSES_MS = [5 * SECOND_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS, 12 * HOUR_MS];
/** Up to a tenth is added at random, so that receivers that failed together are not asked together. */
const JITTER = 0.1;
/** A receiver may ask for a longer pause by `Retry-After`, up to this. */
const MAX_ASKED_PAUSE_MS = DAY_MS;

/** An event that was refused for so long is given up. It can still be read back and sent again by hand. */
const GIVE_UP_AFTER_MS = 3 * DAY_MS;
/** An endpoint that has failed for so long without one success is disabled. */
export const DISABLE_AFTER_MS = 5 * DAY_MS;

/**
 * The pause before an event is sent again.
 *
 * @param failures how many attempts have failed, at least one
 * @param random uniform in [0, 1)
 * @param retryAfterSeconds what the receiver asked for
 */
export const retryPauseMs = (failures: number, random: number, retryAfterSeconds = 0): number => {
  const pause = PAUSES_MS[Math.min(failures, PAUSES_MS.length) - 1] ?? 0;
  const asked = Math.min(retryAfterSeconds * SECOND_MS, MAX_ASKED_PAUSE_MS);
  return Math.max(Math.round(pause * (1 + JITTER * random)), asked);
};

/** How often an event is sent before it is given up: the pauses up to then. */
export const MAX_ATTEMPTS = ((): number => {
  let [attempts, waited] = [1, 0];
  for (; waited < GIVE_UP_AFTER_MS; attempts += 1) waited += PAUSES_MS[Math.min(attempts, PAUSES_MS.length) - 1] ?? 0;
  return attempts;
})();

/** Whether an endpoint that has only failed since `failingSince` is disabled. */
export const isGivenUp = (failingSince: EpochMs | undefined, now: EpochMs): boolean =>
  failingSince !== undefined && now - failingSince >= DISABLE_AFTER_MS;
