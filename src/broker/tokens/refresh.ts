import type { LogEntry } from '../../domain/log.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { SECOND_MS } from '../../domain/time.ts';
import type { WithingsFailure } from '../../withings/outcome.ts';
import type { TokenGrant } from '../../withings/token.ts';
import type { Deps } from '../deps.ts';
import { logAbout, reasonOf } from '../log.ts';
import type { Beginning, RefreshCause, RefreshRun } from './begin-refresh.ts';
import { onFailure, onRefused, onRejected, onSealFailure } from './refresh-failed.ts';
import { type RefreshOutcome, reserveRequest, superseded } from './refresh-run.ts';
import { isRefusal } from './refusal.ts';
import { openToken } from './sealed-tokens.ts';
import { recover, storeOrPark, type TakeNext } from './store-pair.ts';

/**
 * The refresh protocol, and the only code that refreshes.
 *
 * Withings replaces the refresh token at every refresh. The old one lives 8 hours more, or until the new access token
 * is first used. Using the new access token before its refresh token is stored loses the connection. So the order is:
 * 1. Lease (`beginRefresh`). The connection is in doubt from now on.
 * 2. Send.
 * 3. Store. If D1 refuses, KV keeps the pair.
 * 4. Use the new access token.
 *
 * If anything fails before 3, the old refresh token stays valid. The connection is due again when the lease ends, ahead
 * of all connections that are not in doubt. A holder whose connection was already in doubt looks in KV before it sends.
 */

/** The result of a refresh, and the next refresh if it was begun in the same round trip. */
export type Refreshed = { outcome: RefreshOutcome; next?: Beginning | undefined };

/**
 * Sends a refresh that was begun, stores its pair, and logs the result in one line.
 *
 * @param takeNext the connection to refresh next. Called when the new pair is stored: both are one round trip
 */
export const refresh = async (
  deps: Deps,
  run: RefreshRun,
  takeNext: TakeNext = () => undefined,
): Promise<Refreshed> => {
  const refreshed = await attemptRefresh(deps, run, takeNext);
  await logAbout(deps, run.tokens, lineOf(refreshed.outcome, run.cause));
  return refreshed;
};

/** A failure that only the operator can fix is an alarm. */
const lineOf = (
  outcome: RefreshOutcome,
  cause: RefreshCause,
): Pick<LogEntry, 'level' | 'event' | 'outcome' | 'reason'> => {
  if (outcome.kind !== 'failed') return { level: 'info', event: 'refresh', outcome: outcome.kind, reason: cause.share };
  const { failure } = outcome;
  if (failure.kind === 'reauth_required') {
    return { level: 'warn', event: 'refresh', outcome: failure.kind, reason: failure.reason };
  }
  if (failure.kind === 'sealing_key_missing') {
    return { level: 'error', event: 'alarm', outcome: failure.kind, reason: cause.share };
  }
  const reason = reasonOf(failure);
  return reason === 'client_rejected'
    ? { level: 'error', event: 'alarm', outcome: 'withings_client_rejected', reason }
    : { level: 'warn', event: 'refresh', outcome: 'failed', reason };
};

const attemptRefresh = async (deps: Deps, run: RefreshRun, takeNext: TakeNext): Promise<Refreshed> => {
  // 1. An earlier refresh may have left its pair in KV.
  const recovered = await recover(deps, run);
  if (recovered !== undefined) return { outcome: recovered };

  // 2. Send. From now on the old refresh token may live only 8 hours.
  const sentAt = deps.now();
  const sent = await sendRefresh(deps, run);
  if (!sent.ok) return { outcome: sent.failure };

  // 3. Store, before the new access token is used.
  const { grant, usedRefreshTokenSealed } = sent.value;
  // Counted from before the request, so the token never counts as valid for longer than it is.
  const pair = { ...grant, accessExpiresAt: sentAt + grant.expiresInSeconds * SECOND_MS };
  const stored = await storeOrPark(deps, run, pair, usedRefreshTokenSealed, takeNext);
  // The pair is not used, so the old refresh token works when the lease ends.
  if (!stored.ok) return { outcome: { kind: 'failed', failure: stored.failure, reach: 'perhaps_all' } };
  const { isStored, next } = stored.value;
  if (!isStored) return { outcome: await superseded(deps, run), next };

  // 4. Now it may be used.
  const token = { accessToken: grant.accessToken, tokenVersion: run.tokens.tokenVersion + 1 };
  return { outcome: { kind: 'refreshed', token }, next };
};

/** A new pair, and the sealed refresh token that was sent for it. */
type Sent = { grant: TokenGrant; usedRefreshTokenSealed: string };

/** Sends the stored refresh token. If Withings refuses it, sends the one before. */
const sendRefresh = async (deps: Deps, run: RefreshRun): Promise<Result<Sent, RefreshOutcome>> => {
  const { tokens } = run;
  let refusal: WithingsFailure | undefined;
  for (const sealed of [tokens.refreshTokenSealed, tokens.previousRefreshTokenSealed]) {
    if (sealed === undefined) continue;
    const opened = await openToken(deps, tokens, 'refresh_token', sealed);
    if (!opened.ok) return fail(await onSealFailure(deps, run, opened.failure));
    const allowed = await reserveRequest(deps, run);
    if (!allowed.ok) return allowed;
    const answer = await deps.withings.refreshTokens(allowed.value, { refreshToken: opened.value });
    if (answer.ok && answer.value.withingsUserId !== tokens.withingsUserId) {
      // Another person's tokens. If they were stored, this user would see another person's body data.
      return fail(await onFailure(deps, run, { kind: 'malformed', path: 'body.userid', inDoubt: true }));
    }
    if (answer.ok) return ok({ grant: answer.value, usedRefreshTokenSealed: sealed });
    const { failure } = answer;
    if (failure.kind !== 'refresh_token_rejected' && !isRefusal(failure))
      return fail(await onFailure(deps, run, failure));
    if (failure.kind !== 'refresh_token_rejected') refusal = failure;
    // The refresh may have taken effect, so the previous refresh token does not help.
    if (failure.inDoubt) break;
  }
  return fail(refusal === undefined ? await onRejected(deps, run) : await onRefused(deps, run, refusal));
};
