import { type EpochMs, HOUR_MS, MINUTE_MS } from './time.ts';

const SESSION_IDLE_MS = 30 * MINUTE_MS;
/** The lifetime of a session, even if it is in use. */
export const SESSION_LIFETIME_MS = 12 * HOUR_MS;
/** How often a request records that the session is in use: each time costs a row written. */
export const SESSION_NOTE_MS = MINUTE_MS;

export type SessionTimes = { lastSeenAt: EpochMs; expiresAt: EpochMs };

/** Whether a session has expired by age or by inactivity. */
export const isSessionOver = ({ lastSeenAt, expiresAt }: SessionTimes, now: EpochMs): boolean =>
  now >= expiresAt || now >= lastSeenAt + SESSION_IDLE_MS;
