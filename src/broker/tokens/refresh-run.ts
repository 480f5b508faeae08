import type { Failure } from '../../domain/failure.ts';
import { mayStillSend } from '../../domain/refresh.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import { MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import type { HeldLease } from '../../store/tokens/refresh-end.ts';
import { dropLease, releaseRefreshLease } from '../../store/tokens/refresh-lease.ts';
import type { Deps } from '../deps.ts';
import type { Reservation } from '../withings.ts';
import { askerOf, type RefreshRun } from './begin-refresh.ts';

/** An access token that may be used, and its version. */
export type UsableToken = { accessToken: Secret; tokenVersion: number };

/**
 * The result of a refresh under a lease. The lease is released, or ends by itself if that write fails.
 * - `recovered`: the pair of an earlier refresh, which KV kept, is stored. Its access token may have expired.
 * - `superseded`: the row changed: a disconnect, a reconnect or another holder came first. Or its own write was applied
 *   although D1 reported an error. The row has the current state.
 * - `failed`: `reach` is whom the failure concerns: this connection, possibly all (Withings is down, or this answer was
 *   bad), or certainly all. `pauseMs` is how long to send nothing in the last case.
 */
export type RefreshOutcome =
  | { kind: 'refreshed'; token: UsableToken }
  | { kind: 'recovered' }
  | { kind: 'superseded' }
  | RefreshFailed;

export type RefreshFailed = {
  kind: 'failed';
  failure: Failure;
  reach: 'one' | 'perhaps_all' | 'all';
  pauseMs?: number;
};

/** Takes one more request, if the share has room and the lease outlives the answer. If not, nothing more is sent. */
export const reserveRequest = async (deps: Deps, run: RefreshRun): Promise<Result<Reservation, RefreshOutcome>> => {
  const { tokens, cause, lease, granted: already } = run;
  const granted = already.left > 0 ? ok(already) : await deps.withings.reserve(askerOf(tokens, cause), 1);
  if (granted.ok && mayStillSend(lease.until, deps.now())) return granted;
  const failure: Failure = granted.ok ? { kind: 'refresh_in_progress', retryAfterSeconds: 2 } : granted.failure;
  // The wait that Withings asked for is longer than the pause of a share that is used up.
  const pauseMs = failure.kind === 'withings_unavailable' ? failure.retryAfterSeconds * SECOND_MS : 0;
  await releaseLease(deps, run, deps.now() + Math.max(MINUTE_MS, pauseMs));
  const isForAll = failure.kind === 'over_share' || failure.kind === 'withings_unavailable';
  return fail({ kind: 'failed', failure, reach: isForAll ? 'all' : 'perhaps_all', pauseMs });
};

/** Ends a refresh whose row has changed under it. */
export const superseded = async (deps: Deps, { tokens, lease }: RefreshRun): Promise<RefreshOutcome> => {
  await dropLease(deps.db, tokens.connectionId, lease);
  return { kind: 'superseded' };
};

/** Releases a lease under which nothing was sent that may have taken effect. */
export const releaseLease = (deps: Deps, { tokens, lease }: RefreshRun, dueAt: number) =>
  releaseRefreshLease(deps.db, tokens.connectionId, lease, dueAt);

export const heldBy = ({ tokens: { connectionId, tokenVersion }, lease }: RefreshRun): HeldLease => ({
  connectionId,
  tokenVersion,
  lease,
});

/**
 * Since when an earlier refresh may have taken effect without being stored. Taking a lease sets `inDoubtSince`, so its
 * own doubt does not count.
 */
export const earlierDoubt = ({ tokens: { inDoubtSince }, lease }: RefreshRun): number | undefined =>
  inDoubtSince !== undefined && inDoubtSince < lease.takenAt ? inDoubtSince : undefined;
