import type { ReauthReason } from '../../domain/failure.ts';
import { retryRefreshAt } from '../../domain/refresh.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import { recordReauthRequired, recordRefreshFailure } from '../../store/tokens/refresh-end.ts';
import type { WithingsFailure } from '../../withings/outcome.ts';
import { type Deps, uniform } from '../deps.ts';
import { reauthEvent } from '../webhooks/record.ts';
import type { RefreshRun } from './begin-refresh.ts';
import { releaseLease, heldBy, type RefreshOutcome, reserveRequest, superseded } from './refresh-run.ts';
import { believes } from './refusal.ts';
import { waitAsked, withingsUnavailable } from './withings-unavailable.ts';

/** What becomes of a refresh that brought no new pair. */

/** How long no request is sent after Withings refused the client's id or secret: the operator has to act first. */
const CLIENT_REJECTED_PAUSE_MS = 15 * MINUTE_MS;

/** A refusal that is not known to be final. It is retried for hours and then believed. */
export const onRefused = async (deps: Deps, run: RefreshRun, failure: WithingsFailure): Promise<RefreshOutcome> => {
  const { connectionId, refreshRefusedSince: since, refreshFailures } = run.tokens;
  const isBelieved = await believes(deps, { connectionId, since, attempts: refreshFailures + 1 });
  return isBelieved ? onRejected(deps, run) : onFailure(deps, run, failure, true);
};

/** A transient failure. The tokens stay, and the connection is due again after a pause. */
export const onFailure = async (
  deps: Deps,
  run: RefreshRun,
  failure: WithingsFailure,
  isRefused = false,
): Promise<RefreshOutcome> => {
  const now = deps.now();
  const { tokens } = run;
  const dueAt = retryRefreshAt(tokens.refreshFailures + 1, now, uniform(deps.random), waitAsked(failure));
  const { kind, inDoubt } = failure;
  await recordRefreshFailure(deps.db, heldBy(run), { kind, inDoubt, isRefused, nextRefreshAt: dueAt }, now);
  const failed = { kind: 'failed', failure: withingsUnavailable(failure) } as const;
  if (kind === 'client_rejected') return { ...failed, reach: 'all', pauseMs: CLIENT_REJECTED_PAUSE_MS };
  if (failure.kind === 'throttled') return { ...failed, reach: 'all', pauseMs: failure.retryAfterSeconds * SECOND_MS };
  return { ...failed, reach: 'perhaps_all' };
};

/**
 * Withings refuses the stored refresh token and the one before. It may answer the same to a wrong client secret. So the
 * client proves its secret by a signed request first. While the secret is wrong, no rejection ends a connection; while
 * it is right, one is enough.
 */
export const onRejected = async (deps: Deps, run: RefreshRun): Promise<RefreshOutcome> => {
  const allowed = await reserveRequest(deps, run);
  if (!allowed.ok) return allowed.failure;
  const proof = await deps.withings.proveClient(allowed.value);
  if (!proof.ok && !isBeyondProof(run, proof.failure)) return onFailure(deps, run, proof.failure);
  return requireReauthOfHeld(deps, run, 'refresh_token_rejected');
};

/**
 * Withings may not offer nonces to every client. Without a nonce, a rejection during a sync is believed, because the
 * app has to learn that its user must connect again. The cron meets many at once and ends no connection.
 */
const isBeyondProof = ({ cause }: RefreshRun, failure: WithingsFailure): boolean =>
  cause.share === 'sync' &&
  (failure.kind === 'not_implemented' || (failure.kind === 'http_error' && failure.httpStatus === 404));

/** A blob that does not open. A missing key pauses the refresh; a broken blob ends its connection. */
export const onSealFailure = async (
  deps: Deps,
  run: RefreshRun,
  failure: { kind: 'key_missing' } | { kind: 'seal_broken' },
): Promise<RefreshOutcome> => {
  if (failure.kind === 'seal_broken') return requireReauthOfHeld(deps, run, 'seal_broken');
  await releaseLease(deps, run, deps.now() + HOUR_MS);
  return { kind: 'failed', failure: { kind: 'sealing_key_missing' }, reach: 'perhaps_all' };
};

/** Ends the connection that this lease holds, unless the row changed: then the rejection was of an older token. */
const requireReauthOfHeld = async (deps: Deps, run: RefreshRun, reason: ReauthReason): Promise<RefreshOutcome> => {
  const event = reauthEvent(deps, run.tokens, reason);
  const recorded = await recordReauthRequired(deps.db, heldBy(run), reason, event, deps.now());
  if (!recorded.ok) return { kind: 'failed', failure: recorded.failure, reach: 'perhaps_all' };
  if (!recorded.value) return superseded(deps, run);
  return { kind: 'failed', failure: { kind: 'reauth_required', reason }, reach: 'one' };
};
