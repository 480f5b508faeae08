import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS } from './time.ts';

/** When the cron asks Withings about a connection without a push or a request: the poll behind the notifications. */

/** Shorter than a day, so that a pull that waits for its turn still brings what is a day old. */
export const PULL_INTERVAL_MS = 23 * HOUR_MS;
/** A connection whose data changed within this time is asked about daily. */
const DATA_LATELY_MS = 30 * DAY_MS;
/** So is a connection that an app has synced within this time. */
const USED_LATELY_MS = 14 * DAY_MS;
/** An access token that ends sooner has to be refreshed before a request. */
const TOKEN_MARGIN_MS = 5 * MINUTE_MS;

/** A connection whose turn has come. */
export type DueToPull = {
  dueAt: EpochMs;
  /** False if it ended, or if its app is disabled. */
  isPullable: boolean;
  /** When its newest data changed at Withings; 0 if it has none. */
  dataAt: EpochMs;
  lastUsedAt: EpochMs;
  lastSyncAt: EpochMs;
  accessExpiresAt: EpochMs;
};

/**
 * - `ask`: it was not synced for a day.
 * - `confirm`: its last review found something missing, and looks again.
 * - `wait`: a push or a request has synced it since. Only an older window is left to review.
 * - `rest`: it waits for its next sync or refresh.
 */
export type PullPlan = { kind: 'ask' | 'confirm' | 'wait' | 'rest'; nextAt: EpochMs | undefined };

/**
 * What to do with a connection whose turn has come, and when its next turn is. One without recent data is asked about
 * only while it has a good token, which the cron has just refreshed. No token is refreshed for it.
 */
export const planPull = (due: DueToPull, now: EpochMs): PullPlan => {
  const { dueAt, isPullable, dataAt, lastUsedAt, lastSyncAt, accessExpiresAt } = due;
  const isLively = now - dataAt <= DATA_LATELY_MS || now - lastUsedAt <= USED_LATELY_MS;
  if (!isPullable) return { kind: 'rest', nextAt: undefined };
  if (!isLively) {
    const hasToken = accessExpiresAt > now + TOKEN_MARGIN_MS;
    return { kind: hasToken ? 'ask' : 'rest', nextAt: undefined };
  }
  if (dueAt > lastSyncAt && dueAt - lastSyncAt < HOUR_MS) return { kind: 'confirm', nextAt: now + PULL_INTERVAL_MS };
  // A date ahead was written by an isolate with a wrong clock.
  const isAsked = lastSyncAt <= now && now - lastSyncAt < PULL_INTERVAL_MS;
  return isAsked
    ? { kind: 'wait', nextAt: lastSyncAt + PULL_INTERVAL_MS }
    : { kind: 'ask', nextAt: now + PULL_INTERVAL_MS };
};
