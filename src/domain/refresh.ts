import type { StoredTokens } from './connection.ts';
import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS, SECOND_MS } from './time.ts';

/**
 * When to refresh, how long to wait after a failure, and when the next refresh is due. The rules are pure: the protocol
 * in `broker/tokens/access-token.ts` acts on them.
 */

/** Access tokens this close to their end count as ended: a call made now may arrive after it, and clocks differ. */
const EXPIRY_MARGIN_MS = 2 * MINUTE_MS;

/**
 * The lease is longer than everything that its holder may do. While it runs, no other caller refreshes. When it ends,
 * the refresh is in doubt and due again, well within the 8 hours in which Withings accepts the previous token.
 */
export const REFRESH_LEASE_MS = 90 * SECOND_MS;
/** A request is begun only while the lease still carries its time-out (10 s) and the retried write of its answer. */
const SEND_RESERVE_MS = 30 * SECOND_MS;

/** Whether a holder still has the time to send a refresh token and to store what comes back. */
export const mayStillSend = (leaseUntil: EpochMs, now: EpochMs): boolean => now <= leaseUntil - SEND_RESERVE_MS;

/** Withings accepts the previous refresh token for 8 hours. One hour less, because clocks differ. */
const ACCEPTED_MS = 7 * HOUR_MS;

/** Whether Withings still accepts the stored refresh token, even if it was replaced at this time or later. */
export const isOldTokenAccepted = (inDoubtSince: EpochMs, now: EpochMs): boolean => now < inDoubtSince + ACCEPTED_MS;

/** Waits after transient failures double from the first to the last. */
const FIRST_BACKOFF_MS = MINUTE_MS;
/** While a refresh may be in doubt the old token's 8 hours run: an hour at most between tries leaves several. */
const LONGEST_BACKOFF_MS = HOUR_MS;
/**
 * Withings may carry out an abandoned request after the one that succeeded. Then the stored pair is not the newest and
 * lives 8 hours. One more refresh within them fixes that.
 */
const CONFIRM_DOUBT_MS = 4 * HOUR_MS;

/** Who is refreshed when. */
export type RefreshPolicy = {
  /** A connection used within this time is refreshed ahead of expiry, so that its next sync finds a good token. */
  usedLatelyMs: number;
  /** How long before the access token's end that is. */
  aheadMs: number;
  /** How often the others are kept alive; a refresh token lives a year. */
  idleIntervalMs: number;
};

/** Carries 30,000 connections, of which one in twenty syncs on a given day, on the free plan: see docs/limits.md. */
export const DEFAULT_REFRESH_POLICY: RefreshPolicy = {
  usedLatelyMs: 3 * HOUR_MS,
  aheadMs: 10 * MINUTE_MS,
  idleIntervalMs: 45 * DAY_MS,
};

/**
 * A refusal that is not known to be final may be a problem of Withings or of the broker. So it is believed only after
 * this time, which is longer than the recorded outages. It takes longer if no other connection was served either, which
 * would show that Withings works.
 */
const BELIEVED_AFTER_MS = 12 * HOUR_MS;
const BELIEVED_ALONE_AFTER_MS = 3 * DAY_MS;
const BELIEVED_ATTEMPTS = 5;

/**
 * Whether a refused connection is lost, so that its user has to connect again. Otherwise it is tried again.
 *
 * @param since when it was first refused, without a success since
 * @param attempts refusals in a row, including this one
 * @param othersServed whether Withings served another connection since
 */
export const isRefusalBelieved = (
  { since, attempts, othersServed }: { since: EpochMs; attempts: number; othersServed: boolean },
  now: EpochMs,
): boolean =>
  attempts >= BELIEVED_ATTEMPTS && now - since >= (othersServed ? BELIEVED_AFTER_MS : BELIEVED_ALONE_AFTER_MS);

export type RefreshDecision = {
  should: boolean;
  reason: 'no_tokens' | 'expired' | 'expiring' | 'rejected' | 'rotated_since' | 'fresh';
};

/**
 * Whether the stored access token must be replaced before it is used.
 *
 * @param rejectedVersion the version whose access token Withings has just refused with a 401, if any
 */
export const refreshDecision = (
  tokens: Pick<StoredTokens, 'accessTokenSealed' | 'accessExpiresAt' | 'tokenVersion'>,
  now: EpochMs,
  rejectedVersion?: number,
): RefreshDecision => {
  if (tokens.accessTokenSealed === undefined) return { should: false, reason: 'no_tokens' };
  if (now >= tokens.accessExpiresAt) return { should: true, reason: 'expired' };
  if (now >= tokens.accessExpiresAt - EXPIRY_MARGIN_MS) return { should: true, reason: 'expiring' };
  if (rejectedVersion === undefined) return { should: false, reason: 'fresh' };
  return rejectedVersion === tokens.tokenVersion
    ? { should: true, reason: 'rejected' }
    : { should: false, reason: 'rotated_since' };
};

/**
 * When a connection that has just been given tokens is due again.
 *
 * @param wasInDoubt whether an earlier refresh may still take effect
 * @param jitter uniform in [0, 1): spreads connections that were linked together
 */
export const nextRefreshAt = (
  { accessExpiresAt, lastUsedAt, wasInDoubt }: TokensStored,
  policy: RefreshPolicy,
  now: EpochMs,
  jitter: number,
): EpochMs => {
  const usedLately = lastUsedAt !== undefined && now - lastUsedAt < policy.usedLatelyMs;
  const ahead = Math.max(accessExpiresAt - policy.aheadMs * (1 + jitter), now + MINUTE_MS);
  const idle = now + policy.idleIntervalMs * (0.8 + 0.2 * jitter);
  const regular = usedLately ? ahead : idle;
  return Math.round(wasInDoubt === true ? Math.min(regular, now + CONFIRM_DOUBT_MS * (0.5 + 0.5 * jitter)) : regular);
};

/** Tokens that have just been stored, as far as their next refresh depends on it. */
export type TokensStored = {
  accessExpiresAt: EpochMs;
  lastUsedAt: EpochMs | undefined;
  wasInDoubt?: boolean;
};

/**
 * When to try again after `failures` transient failures in a row: exponential with full jitter over the upper half.
 *
 * @param retryAfterSeconds what Withings asked for, if it did
 */
export const retryRefreshAt = (failures: number, now: EpochMs, jitter: number, retryAfterSeconds = 0): EpochMs => {
  const step = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 10));
  return Math.round(now + Math.max(step * (0.5 + 0.5 * jitter), retryAfterSeconds * SECOND_MS));
};
