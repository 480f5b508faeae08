import type { ConnectionId } from '../../domain/connection-id.ts';
import { type StoredTokens, whyUnusable } from '../../domain/connection.ts';
import type { Failure, ReauthReason } from '../../domain/failure.ts';
import { refreshDecision } from '../../domain/refresh.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { recordReauthRequired } from '../../store/tokens/refresh-end.ts';
import { endAccessToken, tokensOf } from '../../store/tokens/tokens.ts';
import type { Deps } from '../deps.ts';
import { logAbout } from '../log.ts';
import { reauthEvent } from '../webhooks/record.ts';
import { beginRefresh, type RefreshCause, type RefreshRun, whyNotGranted } from './begin-refresh.ts';
import type { UsableToken } from './refresh-run.ts';
import { refresh } from './refresh.ts';
import { openToken } from './sealed-tokens.ts';

/** The one way to a usable access token. */

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

  // The lease decides who refreshes. It is taken for these tokens only, so taking it also checks that they are current.
  const begun = await beginRefresh(deps, read.value, cause);
  if (!begun.ok) return begun;
  if (begun.value.kind === 'held') return awaitWinner(deps, read.value, cause);
  if (begun.value.kind === 'not_granted') {
    // Or the next attempt, and each after it, would spend its request on the token that Withings has rejected.
    if (cause.rejectedVersion !== undefined) await endAccessToken(deps.db, read.value, deps.now());
    return fail(await whyNotGranted(deps, read.value, cause));
  }

  const work = refreshForUse(deps, begun.value.run);
  // Once sent, a refresh must be stored, even if the client disconnects.
  deps.waitUntil(work.catch(() => undefined));
  return work;
};

const refreshForUse = async (deps: Deps, run: RefreshRun): Promise<Result<UsableToken, Failure>> => {
  const { tokens, cause } = run;
  const { outcome } = await refresh(deps, run);
  switch (outcome.kind) {
    case 'refreshed':
      return ok(outcome.token);
    case 'recovered':
      // The recovered access token may have ended. The row is read again, and is no longer in doubt.
      return usableAccessToken(deps, tokens.connectionId, cause);
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
  return requireReauth(deps, tokens, 'seal_broken');
};

/** Records that the user has to consent again, unless the tokens were replaced. */
export const requireReauth = async (
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
