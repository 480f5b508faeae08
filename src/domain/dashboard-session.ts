import { type EpochMs, HOUR_MS, MINUTE_MS } from './time.ts';

/** How long a session lives without a request. */
const SESSION_IDLE_MS = 30 * MINUTE_MS;
/** How long a session lives at most, however busy. */
export const SESSION_LIFETIME_MS = 12 * HOUR_MS;
/** A request notes that the session is in use at most this often: every note is a row written. */
export const SESSION_NOTE_MS = MINUTE_MS;

/** The times that decide whether a session goes on. */
export type SessionTimes = { lastSeenAt: EpochMs; expiresAt: EpochMs };

/** Whether a session is over by its age or for want of requests. */
export const isSessionOver = ({ lastSeenAt, expiresAt }: SessionTimes, now: EpochMs): boolean =>
  now >= expiresAt || now >= lastSeenAt + SESSION_IDLE_MS;
