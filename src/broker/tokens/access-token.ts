import type { ConnectionId } from '../../domain/connection-id.ts';
import { type StoredTokens, whyUnusable } from '../../domain/connection.ts';
import type { Failure, ReauthReason } from '../../domain/failure.ts';
import { refreshDecision } from '../../domain/refresh.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { recordReauthRequired, type RefreshLease, takeRefreshLease, tokensOf } from '../../store/tokens/tokens.ts';
import type { Deps } from '../deps.ts';
import { logAbout } from '../log.ts';
import { reauthEvent } from '../webhooks/record.ts';
import { newRefreshLease, type RefreshCause, refreshUnderLease, type UsableToken } from './refresh.ts';
import { openToken } from './sealed-tokens.ts';

/**
 * Returns an access token of a connection, and refreshes it first if necessary. All code that calls Withings for a user
 * takes its token here.
 *
 * @param known the tokens, if they were just read
 * @returns the token, or why there is none: `not_connected`, `reauth_required`, `refresh_in_progress`, `over_share`,
 *   `withings_unavailable`, `sealing_key_missing`, `storage_unavailable`
 */
export const usableAccessToken = async (
  deps: Deps,
  connectionId: ConnectionId,
  cause: RefreshCause,
  known?: StoredTokens,
): Promise<Result<UsableToken, Failure>> => {
  const read = known === undefined ? await tokensOf(deps.db, connectionId) : ok(known);
  if (!read.ok) return read;
  const unusable = whyUnusable(read.value);
  if (unusable !== undefined || read.value === undefined) return fail(unusable ?? { kind: 'not_connected' });
  if (!refreshDecision(read.value, deps.now(), cause.rejectedVersion).should) return openAccessToken(deps, read.value);

  // The lease decides who refreshes. Taking it also reads the tokens again.
  const lease = newRefreshLease(deps);
  const leased = await takeRefreshLease(deps.db, connectionId, lease);
  if (!leased.ok) return leased;
  if (leased.value === undefined) return awaitWinner(deps, read.value, cause);

  const work = refreshForUse(deps, leased.value, lease, cause);
  // Once sent, a refresh must be stored, even if the client disconnects.
  deps.waitUntil(work.catch(() => undefined));
  return work;
};

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
    case 'superseded':
      return awaitWinner(deps, tokens, cause);
    case 'failed':
      return fail(outcome.failure);
  }
};

/** How often a caller looks for the winner's result before it answers `refresh_in_progress`. Together 8 seconds. */
const WINNER_POLLS_MS = [150, 250, 400, 700, 1_000, 1_500, 2_000, 2_000];
const WINNER_RETRY_SECONDS = 2;

/**
 * Another caller holds the lease. The stored token is used while it is valid; otherwise this waits for the winner's
 * result. It never refreshes itself: two refreshes with one rotating token lose the connection.
 */
const awaitWinner = async (
  deps: Deps,
  before: StoredTokens,
  { rejectedVersion }: RefreshCause,
): Promise<Result<UsableToken, Failure>> => {
  for (const pauseMs of [0, ...WINNER_POLLS_MS]) {
    if (pauseMs > 0) await deps.sleep(pauseMs);
    const read = await tokensOf(deps.db, before.connectionId);
    if (!read.ok) return read;
    const unusable = whyUnusable(read.value);
    if (unusable !== undefined || read.value === undefined) return fail(unusable ?? { kind: 'not_connected' });
    const { accessExpiresAt, tokenVersion, refreshLeaseId } = read.value;
    if (deps.now() < accessExpiresAt && tokenVersion !== rejectedVersion) return openAccessToken(deps, read.value);
    // The winner returned the lease and the token is unchanged: its refresh failed, and another would fail too.
    if (refreshLeaseId === undefined) break;
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

/** Records that the user has to consent again, unless the tokens were replaced. */
export const condemn = async (
  deps: Deps,
  tokens: Pick<StoredTokens, 'appId' | 'userId' | 'connectionId' | 'tokenVersion'>,
  reason: ReauthReason,
): Promise<{ ok: false; failure: Failure }> => {
  const { connectionId, tokenVersion } = tokens;
  const event = reauthEvent(deps, tokens, reason);
  const recorded = await recordReauthRequired(deps.db, { connectionId, tokenVersion }, reason, event, deps.now());
  if (!recorded.ok) return recorded;
  if (!recorded.value) return fail({ kind: 'refresh_in_progress', retryAfterSeconds: WINNER_RETRY_SECONDS });
  await logAbout(deps, tokens, { level: 'warn', event: 'refresh', outcome: 'reauth_required', reason });
  return fail({ kind: 'reauth_required', reason });
};
