import { hex } from '../crypto/credential.ts';
import { type StoredTokens, whyUnusable } from '../domain/connection.ts';
import type { Failure, ReauthReason } from '../domain/failure.ts';
import { nextRefreshAt, REFRESH_LEASE_MS, refreshDecision, retryRefreshAt } from '../domain/refresh.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../domain/time.ts';
import { type BudgetName, budgetWaitSeconds, takeBudget } from '../store/request-budget.ts';
import {
  recordReauthRequired,
  recordRefreshFailure,
  recordRotation,
  type RefreshLease,
  returnLeases,
  takeRefreshLease,
  tokensOf,
} from '../store/tokens.ts';
import type { WithingsFailure } from '../withings/outcome.ts';
import type { TokenGrant } from '../withings/token.ts';
import { type Deps, uniform } from './deps.ts';
import { openToken, sealTokens } from './sealed-tokens.ts';
import { waitAsked, withingsUnavailable } from './withings-unavailable.ts';

/**
 * The one way to a usable access token, and the only code that refreshes.
 *
 * Withings replaces the refresh token at every refresh. The old one lives 8 hours more, or until the new access token is first used;
 * whoever spends it without keeping its successor has lost the connection. Hence the order below: lease, send, store, and only then use.
 * A crash, a lost answer or a failed write anywhere before "store" leaves the old refresh token alive and the connection due again.
 */

/** An access token that may be used now, and the version it belongs to. */
export type UsableToken = { accessToken: string; tokenVersion: number };

/** What a refresh is for: whose share of Withings' requests it takes, and which version Withings has just refused, if any. */
export type RefreshCause = { share: BudgetName; rejectedVersion?: number };

/**
 * The access token of a connection, refreshed first where it has to be.
 *
 * @returns the token, or why there is none: `not_connected`, `reauth_required`, `refresh_in_progress`, `over_share`,
 *   `withings_unavailable`, `sealing_key_missing`, `storage_unavailable`
 */
export const usableAccessToken = async (
  deps: Deps,
  connectionId: number,
  cause: RefreshCause,
): Promise<Result<UsableToken, Failure>> => {
  const read = await tokensOf(deps.db, connectionId);
  if (!read.ok) return read;
  const unusable = whyUnusable(read.value);
  if (unusable !== undefined || read.value === undefined) return fail(unusable ?? { kind: 'not_connected' });
  if (!refreshDecision(read.value, deps.now(), cause.rejectedVersion).should) return openAccessToken(deps, read.value);

  // The lease decides who refreshes; taking it is also the re-read.
  const lease = newRefreshLease(deps);
  const leased = await takeRefreshLease(deps.db, connectionId, lease, deps.now());
  if (!leased.ok) return leased;
  if (leased.value === undefined) return awaitWinner(deps, read.value, cause);

  const work = refreshForUse(deps, leased.value, lease, cause);
  // Once sent, a refresh must be stored: a client that goes away does not cut it off.
  deps.waitUntil(work.catch(() => undefined));
  return work;
};

/** A lease that nobody else can name. */
export const newRefreshLease = (deps: Pick<Deps, 'random' | 'now'>): RefreshLease => ({
  id: hex(deps.random(16)),
  until: deps.now() + REFRESH_LEASE_MS,
});

const refreshForUse = async (
  deps: Deps,
  tokens: StoredTokens,
  lease: RefreshLease,
  cause: RefreshCause,
): Promise<Result<UsableToken, Failure>> => {
  const outcome = await refreshUnderLease(deps, tokens, lease, cause);
  switch (outcome.kind) {
    case 'refreshed':
      return ok(outcome.token);
    case 'already_fresh':
      return openAccessToken(deps, tokens);
    case 'rejected':
      return condemn(deps, tokens, 'refresh_token_rejected');
    case 'superseded':
      return awaitWinner(deps, tokens, cause);
    case 'failed':
      return fail(outcome.failure);
  }
};

/**
 * What became of a refresh under a lease.
 * - `rejected`: Withings refuses the stored refresh token and the one before it, and nobody rotated meanwhile. The lease still stands;
 *   the caller decides whether that condemns the connection.
 * - `superseded`: a disconnect, a reconnect or another holder came first. Nothing was written.
 */
export type RefreshOutcome =
  | { kind: 'refreshed'; token: UsableToken }
  | { kind: 'already_fresh' }
  | { kind: 'rejected' }
  | { kind: 'superseded' }
  | { kind: 'failed'; failure: Failure; upstreamIsDown: boolean };

/** Refreshes a connection whose lease is held, and gives the lease back (except after `rejected` and `superseded`). */
export const refreshUnderLease = async (
  deps: Deps,
  tokens: StoredTokens,
  lease: RefreshLease,
  cause: RefreshCause,
): Promise<RefreshOutcome> => {
  // Somebody may have refreshed between the read and the lease. The cron (no rejected version) refreshes ahead of need.
  if (cause.share === 'sync' && !refreshDecision(tokens, deps.now(), cause.rejectedVersion).should) {
    await returnLeases(deps.db, lease.id, [tokens.connectionId], dueAgain(deps, tokens));
    return { kind: 'already_fresh' };
  }
  const sent = await sendRefresh(deps, tokens, lease, cause);
  if (!sent.ok) return sent.failure;

  const stored = await storeRotation(deps, tokens, lease, sent.value);
  // Not stored and no telling why: the pair is dropped unused, so the old refresh token still works when the lease has run out.
  if (!stored.ok) return { kind: 'failed', failure: stored.failure, upstreamIsDown: false };
  if (!stored.value) return { kind: 'superseded' };
  deps.log({
    level: 'info',
    event: 'refresh',
    outcome: 'refreshed',
    reason: cause.share,
    appId: tokens.appId,
  });
  const token = { accessToken: sent.value.grant.accessToken, tokenVersion: tokens.tokenVersion + 1 };
  return { kind: 'refreshed', token };
};

type Sent = { grant: TokenGrant; usedRefreshTokenSealed: string };

/** Sends the stored refresh token and, should Withings refuse it, the one before. */
const sendRefresh = async (
  deps: Deps,
  tokens: StoredTokens,
  lease: RefreshLease,
  cause: RefreshCause,
): Promise<Result<Sent, RefreshOutcome>> => {
  for (const sealed of [tokens.refreshTokenSealed, tokens.previousRefreshTokenSealed]) {
    if (sealed === undefined) continue;
    const opened = await openToken(deps, tokens, 'refresh_token', sealed);
    if (!opened.ok) return fail(await unopened(deps, tokens, lease, opened.failure));
    const granted = await takeBudget(deps.db, cause.share, deps.settings.shares[cause.share], 1, deps.now());
    if (!granted.ok || !granted.value) return fail(await putOff(deps, tokens, lease, cause));
    const answer = await deps.withings.refreshTokens({ refreshToken: opened.value });
    if (answer.ok) return ok({ grant: answer.value, usedRefreshTokenSealed: sealed });
    if (answer.failure.kind !== 'refresh_token_rejected')
      return fail(await failed(deps, tokens, lease, answer.failure));
  }
  // Before anybody is blamed: has the row changed under us? Then the rejection was of a token that is no longer the one.
  const reread = await tokensOf(deps.db, tokens.connectionId);
  if (!reread.ok) return fail({ kind: 'failed', failure: reread.failure, upstreamIsDown: false });
  const untouched = reread.value?.tokenVersion === tokens.tokenVersion && reread.value.refreshLeaseId === lease.id;
  return fail({ kind: untouched ? 'rejected' : 'superseded' });
};

const storeRotation = async (
  deps: Deps,
  tokens: StoredTokens,
  lease: RefreshLease,
  { grant, usedRefreshTokenSealed }: Sent,
) => {
  const now = deps.now();
  const accessExpiresAt = now + grant.expiresInSeconds * SECOND_MS;
  return recordRotation(
    deps.db,
    {
      connectionId: tokens.connectionId,
      leaseId: lease.id,
      tokenVersion: tokens.tokenVersion,
      ...(await sealTokens(deps, tokens, grant)),
      previousRefreshTokenSealed: usedRefreshTokenSealed,
      accessExpiresAt,
      nextRefreshAt: nextRefreshAt(
        { ...tokens, accessExpiresAt },
        deps.settings.refreshPolicy,
        now,
        uniform(deps.random),
      ),
    },
    now,
  );
};

/** A transient failure: the tokens stay as they are, and the connection is due again after a pause. */
const failed = async (
  deps: Deps,
  tokens: StoredTokens,
  lease: RefreshLease,
  failure: WithingsFailure,
): Promise<RefreshOutcome> => {
  const now = deps.now();
  const retryAt = retryRefreshAt(tokens.refreshFailures + 1, now, uniform(deps.random), waitAsked(failure));
  await recordRefreshFailure(deps.db, heldBy(tokens, lease), { kind: failure.kind, nextRefreshAt: retryAt }, now);
  const isOurs = failure.kind === 'client_rejected';
  deps.log({
    level: isOurs ? 'error' : 'warn',
    event: isOurs ? 'alarm' : 'refresh',
    outcome: 'failed',
    reason: failure.kind,
    appId: tokens.appId,
  });
  return {
    kind: 'failed',
    failure: withingsUnavailable(failure),
    upstreamIsDown: failure.inDoubt || failure.kind === 'throttled' || isOurs,
  };
};

/** The share is used up (or could not be read): nothing was sent, so nothing is in doubt; due again within the minute. */
const putOff = async (
  deps: Deps,
  tokens: StoredTokens,
  lease: RefreshLease,
  cause: RefreshCause,
): Promise<RefreshOutcome> => {
  await returnLeases(deps.db, lease.id, [tokens.connectionId], deps.now() + MINUTE_MS);
  const retryAfterSeconds = budgetWaitSeconds(deps.settings.shares[cause.share]);
  return { kind: 'failed', failure: { kind: 'over_share', retryAfterSeconds }, upstreamIsDown: true };
};

/** A blob that does not open: the operator's mistake pauses the refresh, a broken one condemns its connection. */
const unopened = async (
  deps: Deps,
  tokens: StoredTokens,
  lease: RefreshLease,
  failure: { kind: 'key_missing' } | { kind: 'seal_broken' },
): Promise<RefreshOutcome> => {
  if (failure.kind === 'key_missing') {
    deps.log({ level: 'error', event: 'alarm', outcome: 'sealing_key_missing', appId: tokens.appId });
    await returnLeases(deps.db, lease.id, [tokens.connectionId], deps.now() + HOUR_MS);
    return { kind: 'failed', failure: { kind: 'sealing_key_missing' }, upstreamIsDown: false };
  }
  const condemned = await condemn(deps, tokens, 'seal_broken');
  return { kind: 'failed', failure: condemned.failure, upstreamIsDown: false };
};

/** Declares that the person has to consent again. */
export const condemn = async (
  deps: Deps,
  tokens: Pick<StoredTokens, 'connectionId' | 'tokenVersion'>,
  reason: ReauthReason,
): Promise<{ ok: false; failure: Failure }> => {
  const recorded = await recordReauthRequired(deps.db, tokens, reason, deps.now());
  if (!recorded.ok) return recorded;
  deps.log({ level: 'warn', event: 'refresh', outcome: 'reauth_required', reason });
  return fail({ kind: 'reauth_required', reason });
};

/** How often a caller looks for the winner's result before it is told to come back. Together 8 seconds. */
const WINNER_POLLS_MS = [150, 250, 400, 700, 1_000, 1_500, 2_000, 2_000];
const WINNER_RETRY_SECONDS = 2;

/**
 * Somebody else holds the lease. The stored token serves while it lasts; otherwise the winner's result is waited for. Never a refresh of
 * its own: with a rotating refresh token that is how connections are lost.
 */
const awaitWinner = async (
  deps: Deps,
  before: StoredTokens,
  { rejectedVersion }: RefreshCause,
): Promise<Result<UsableToken, Failure>> => {
  const stillGood = deps.now() < before.accessExpiresAt && before.tokenVersion !== rejectedVersion;
  if (stillGood) return openAccessToken(deps, before);
  for (const pauseMs of WINNER_POLLS_MS) {
    await deps.sleep(pauseMs);
    const read = await tokensOf(deps.db, before.connectionId);
    if (!read.ok) return read;
    const unusable = whyUnusable(read.value);
    if (unusable !== undefined || read.value === undefined) return fail(unusable ?? { kind: 'not_connected' });
    if (!refreshDecision(read.value, deps.now(), rejectedVersion).should) return openAccessToken(deps, read.value);
    // The winner gave the lease back and the token is as it was: its refresh failed, and so would ours.
    if (read.value.refreshLeaseId === undefined) break;
  }
  return fail({ kind: 'refresh_in_progress', retryAfterSeconds: WINNER_RETRY_SECONDS });
};

const openAccessToken = async (deps: Deps, tokens: StoredTokens): Promise<Result<UsableToken, Failure>> => {
  if (tokens.accessTokenSealed === undefined) return fail({ kind: 'not_connected' });
  const opened = await openToken(deps, tokens, 'access_token', tokens.accessTokenSealed);
  if (opened.ok) return ok({ accessToken: opened.value, tokenVersion: tokens.tokenVersion });
  if (opened.failure.kind === 'key_missing') return fail({ kind: 'sealing_key_missing' });
  return condemn(deps, tokens, 'seal_broken');
};

const heldBy = (tokens: StoredTokens, lease: RefreshLease) => ({
  connectionId: tokens.connectionId,
  tokenVersion: tokens.tokenVersion,
  leaseId: lease.id,
});

/** When a connection whose lease was not needed is due: as if its tokens had just been stored. */
const dueAgain = (deps: Deps, tokens: StoredTokens): number =>
  nextRefreshAt(tokens, deps.settings.refreshPolicy, deps.now(), uniform(deps.random));
