import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS } from './time.ts';

/** When the cron polls: it syncs a connection without a push or a request, because pushes may be lost. */

/** Shorter than a day, so that data is at most a day old although a poll may have to wait for its turn. */
export const POLL_INTERVAL_MS = 23 * HOUR_MS;
/** A connection whose data changed within this time is polled daily. */
export const DATA_LATELY_MS = 30 * DAY_MS;
/** A connection that an app has synced within this time is polled daily too. */
export const USED_LATELY_MS = 14 * DAY_MS;
/**
 * One without recent data is polled after this time, with its next refresh: every second one for its subscription, and
 * every one of the cron.
 */
const QUIET_INTERVAL_MS = 27 * DAY_MS;
/** An access token that ends sooner has to be refreshed before a request. */
const TOKEN_MARGIN_MS = 5 * MINUTE_MS;

/** A connection that is due. */
export type DueToPoll = {
  dueAt: EpochMs;
  /** False if it ended, or if its app is disabled. */
  isPollable: boolean;
  /** When its newest data changed at Withings; 0 if it has none. */
  dataAt: EpochMs;
  lastUsedAt: EpochMs;
  lastSyncAt: EpochMs;
  accessExpiresAt: EpochMs;
};

/**
 * - `poll`: it was not synced for a day.
 * - `confirm`: its last review found something missing. It is polled, and the window is read again.
 * - `wait`: a push or a request has synced it since. Only an older window is left to review.
 * - `rest`: it waits for its next sync or refresh.
 */
export type PollPlan = { kind: 'poll' | 'confirm' | 'wait' | 'rest'; nextAt: EpochMs | undefined };

/**
 * What to do with a connection that is due, and when it is due next. One without recent data is polled
 * only while it has a good token, which was just refreshed for something else. No token is refreshed for it.
 */
export const planPoll = (due: DueToPoll, now: EpochMs): PollPlan => {
  const { dueAt, isPollable, dataAt, lastUsedAt, lastSyncAt, accessExpiresAt } = due;
  const isLively = now - dataAt <= DATA_LATELY_MS || now - lastUsedAt <= USED_LATELY_MS;
  if (!isPollable) return { kind: 'rest', nextAt: undefined };
  if (!isLively) {
    const hasToken = accessExpiresAt > now + TOKEN_MARGIN_MS;
    const isDue = now - lastSyncAt >= QUIET_INTERVAL_MS;
    return { kind: hasToken && isDue ? 'poll' : 'rest', nextAt: undefined };
  }
  if (dueAt > lastSyncAt && dueAt - lastSyncAt < HOUR_MS) return { kind: 'confirm', nextAt: now + POLL_INTERVAL_MS };
  // A date ahead was written by an isolate with a wrong clock.
  const isAsked = lastSyncAt <= now && now - lastSyncAt < POLL_INTERVAL_MS;
  return isAsked
    ? { kind: 'wait', nextAt: lastSyncAt + POLL_INTERVAL_MS }
    : { kind: 'poll', nextAt: now + POLL_INTERVAL_MS };
};
