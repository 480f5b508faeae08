import { hex } from '../../crypto/credential.ts';
import type { StoredTokens } from '../../domain/connection.ts';
import type { Failure, ReauthReason } from '../../domain/failure.ts';
import type { LogEntry } from '../../domain/log.ts';
import {
  mayStillSend,
  nextRefreshAt,
  REFRESH_LEASE_MS,
  refreshDecision,
  retryRefreshAt,
} from '../../domain/refresh.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import {
  dropLease,
  type HeldLease,
  recordReauthRequired,
  recordRefreshFailure,
  recordRotation,
  type RefreshLease,
  returnLeases,
} from '../../store/tokens/tokens.ts';
import { type QuotaName } from '../../store/tokens/withings-quota.ts';
import type { WithingsFailure } from '../../withings/outcome.ts';
import type { TokenGrant } from '../../withings/token.ts';
import { type Deps, uniform } from '../deps.ts';
import { logAbout, reasonOf } from '../log.ts';
import { reauthEvent } from '../webhooks/record.ts';
import type { Reservation } from '../withings.ts';
import { believes, isRefusal } from './refusal.ts';
import { openToken, sealTokens } from './sealed-tokens.ts';
import { waitAsked, withingsUnavailable } from './withings-unavailable.ts';

/**
 * The refresh protocol, and the only code that refreshes.
 *
 * Withings replaces the refresh token at every refresh. The old one lives 8 hours more, or until the new access token
 * is first used. Using the new access token before its refresh token is stored loses the connection. So the order is:
 * 1. Lease (taken by the caller).
 * 2. Send.
 * 3. Store.
 * 4. Use the new access token.
 *
 * If anything fails before 3, the old refresh token stays valid. The connection is due again when the lease ends, ahead
 * of all connections that are not in doubt.
 */

/** An access token that may be used, and its version. */
export type UsableToken = { accessToken: Secret; tokenVersion: number };

/**
 * Why a refresh runs: the share that its requests are counted in, the version that Withings has just refused, and
 * requests that are already granted.
 */
export type RefreshCause = { share: QuotaName; rejectedVersion?: number; granted?: Reservation };

/**
 * The result of a refresh under a lease. The lease is returned, or ends by itself if that write fails.
 * - `superseded`: the row changed: a disconnect, a reconnect or another holder came first. Or its own write was applied
 *   although D1 reported an error. The row has the current state.
 * - `failed`: `reach` is whom the failure concerns: this connection, possibly all (Withings is down, or this answer was
 *   bad), or certainly all. `pauseMs` is how long to send nothing in the last case.
 */
export type RefreshOutcome =
  | { kind: 'refreshed'; token: UsableToken }
  | { kind: 'already_fresh' }
  | { kind: 'superseded' }
  | RefreshFailed;

type RefreshFailed = { kind: 'failed'; failure: Failure; reach: 'one' | 'perhaps_all' | 'all'; pauseMs?: number };

export const newRefreshLease = (deps: Pick<Deps, 'random' | 'now'>): RefreshLease => {
  const takenAt = deps.now();
  return { id: hex(deps.random(16)), takenAt, until: takenAt + REFRESH_LEASE_MS };
};

/** A refresh, with the tokens as they were when the lease was taken. */
type RefreshRun = { tokens: StoredTokens; lease: RefreshLease; cause: RefreshCause };

/** Refreshes a connection whose lease is held, and logs the result in one line. */
export const refreshUnderLease = async (
  deps: Deps,
  tokens: StoredTokens,
  lease: RefreshLease,
  cause: RefreshCause,
): Promise<RefreshOutcome> => {
  const outcome = await attemptRefresh(deps, { tokens, lease, cause });
  await logAbout(deps, tokens, lineOf(outcome, cause));
  return outcome;
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

const attemptRefresh = async (deps: Deps, run: RefreshRun): Promise<RefreshOutcome> => {
  const { tokens, cause } = run;
  // 1. Another caller may have refreshed between the read and the lease. The cron refreshes before tokens expire.
  if (cause.share !== 'cron' && !refreshDecision(tokens, deps.now(), cause.rejectedVersion).should) {
    await releaseLease(deps, run, regularlyDue(deps, run, tokens.accessExpiresAt));
    return { kind: 'already_fresh' };
  }
  // 2. Send. From now on the old refresh token may live only 8 hours.
  const sentAt = deps.now();
  const sent = await sendRefresh(deps, run);
  if (!sent.ok) return sent.failure;

  // 3. Store, before the new access token is used.
  const stored = await storeRotation(deps, run, sent.value, sentAt);
  // Not stored, for an unknown reason. The new pair is dropped unused, so the old refresh token works when the lease
  // ends.
  if (!stored.ok) return { kind: 'failed', failure: stored.failure, reach: 'perhaps_all' };
  if (!stored.value) return superseded(deps, run);

  // 4. Now it may be used.
  const token = { accessToken: sent.value.grant.accessToken, tokenVersion: tokens.tokenVersion + 1 };
  return { kind: 'refreshed', token };
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

/** Reserves one more request if the share has room and the lease lasts until the answer. Otherwise nothing is sent. */
const reserveRequest = async (deps: Deps, run: RefreshRun): Promise<Result<Reservation, RefreshOutcome>> => {
  const { tokens, cause, lease } = run;
  const already = cause.granted !== undefined && cause.granted.left > 0 ? cause.granted : undefined;
  const asker = { share: cause.share, connectionId: tokens.connectionId, appId: appCounted(run) };
  const granted = already === undefined ? await deps.withings.reserve(asker, 1) : ok(already);
  if (granted.ok && mayStillSend(lease.until, deps.now())) return granted;
  const failure: Failure = granted.ok ? { kind: 'refresh_in_progress', retryAfterSeconds: 2 } : granted.failure;
  // The wait that Withings asked for is longer than the pause of a share that is used up.
  const pauseMs = failure.kind === 'withings_unavailable' ? failure.retryAfterSeconds * SECOND_MS : 0;
  await releaseLease(deps, run, deps.now() + Math.max(MINUTE_MS, pauseMs));
  const isForAll = failure.kind === 'over_share' || failure.kind === 'withings_unavailable';
  return fail({ kind: 'failed', failure, reach: isForAll ? 'all' : 'perhaps_all', pauseMs });
};

/** Requests of the cron are not counted by app: connections of a large app are due as often as those of a small one. */
const appCounted = ({ tokens, cause }: RefreshRun): string | undefined =>
  cause.share === 'sync' ? tokens.appId : undefined;

const storeRotation = async (
  deps: Deps,
  run: RefreshRun,
  { grant, usedRefreshTokenSealed }: Sent,
  sentAt: number,
): Promise<Result<boolean, Failure>> => {
  // Counted from before the request, so the token never counts as valid for longer than it is.
  const accessExpiresAt = sentAt + grant.expiresInSeconds * SECOND_MS;
  return recordRotation(
    deps.db,
    heldBy(run),
    {
      ...(await sealTokens(deps, run.tokens, grant)),
      previousRefreshTokenSealed: usedRefreshTokenSealed,
      accessExpiresAt,
      nextRefreshAt: regularlyDue(deps, run, accessExpiresAt),
    },
    deps.now(),
  );
};

/** How long no request is sent after Withings refused the client's id or secret: the operator has to act first. */
const CLIENT_REJECTED_PAUSE_MS = 15 * MINUTE_MS;

/** A refusal that is not known to be final. It is retried for hours and then believed. */
const onRefused = async (deps: Deps, run: RefreshRun, failure: WithingsFailure): Promise<RefreshOutcome> => {
  const { connectionId, refreshRefusedSince: since, refreshFailures } = run.tokens;
  const isBelieved = await believes(deps, { connectionId, since, attempts: refreshFailures + 1 });
  return isBelieved ? onRejected(deps, run) : onFailure(deps, run, failure, true);
};

/** A transient failure. The tokens stay, and the connection is due again after a pause. */
const onFailure = async (
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
  const told = { kind: 'failed', failure: withingsUnavailable(failure) } as const;
  if (kind === 'client_rejected') return { ...told, reach: 'all', pauseMs: CLIENT_REJECTED_PAUSE_MS };
  if (failure.kind === 'throttled') return { ...told, reach: 'all', pauseMs: failure.retryAfterSeconds * SECOND_MS };
  return { ...told, reach: 'perhaps_all' };
};

/**
 * Withings refuses the stored refresh token and the one before. It may answer the same to a wrong client secret. So the
 * client proves its secret by a signed request first. While the secret is wrong, no rejection ends a connection; while
 * it is right, one is enough.
 */
const onRejected = async (deps: Deps, run: RefreshRun): Promise<RefreshOutcome> => {
  const allowed = await reserveRequest(deps, run);
  if (!allowed.ok) return allowed.failure;
  const proof = await deps.withings.proveClient(allowed.value);
  if (!proof.ok && !isBeyondProof(run, proof.failure)) return onFailure(deps, run, proof.failure);
  return condemnHeld(deps, run, 'refresh_token_rejected');
};

/**
 * Withings may not offer nonces to every client. Without a nonce, a rejection during a sync is believed, because the
 * app has to learn that its user must connect again. The cron meets many at once and ends no connection.
 */
const isBeyondProof = ({ cause }: RefreshRun, failure: WithingsFailure): boolean =>
  cause.share === 'sync' &&
  (failure.kind === 'not_implemented' || (failure.kind === 'http_error' && failure.httpStatus === 404));

/** A blob that does not open. A missing key pauses the refresh; a broken blob ends its connection. */
const onSealFailure = async (
  deps: Deps,
  run: RefreshRun,
  failure: { kind: 'key_missing' } | { kind: 'seal_broken' },
): Promise<RefreshOutcome> => {
  if (failure.kind === 'seal_broken') return condemnHeld(deps, run, 'seal_broken');
  await releaseLease(deps, run, deps.now() + HOUR_MS);
  return { kind: 'failed', failure: { kind: 'sealing_key_missing' }, reach: 'perhaps_all' };
};

/** Ends the connection that this lease holds, unless the row changed: then the rejection was of an older token. */
const condemnHeld = async (deps: Deps, run: RefreshRun, reason: ReauthReason): Promise<RefreshOutcome> => {
  const event = reauthEvent(deps, run.tokens, reason);
  const recorded = await recordReauthRequired(deps.db, heldBy(run), reason, event, deps.now());
  if (!recorded.ok) return { kind: 'failed', failure: recorded.failure, reach: 'perhaps_all' };
  if (!recorded.value) return superseded(deps, run);
  return { kind: 'failed', failure: { kind: 'reauth_required', reason }, reach: 'one' };
};

const superseded = async (deps: Deps, { tokens, lease }: RefreshRun): Promise<RefreshOutcome> => {
  await dropLease(deps.db, tokens.connectionId, lease);
  return { kind: 'superseded' };
};

const releaseLease = (deps: Deps, { tokens, lease }: RefreshRun, dueAt: number) =>
  returnLeases(deps.db, lease, [tokens.connectionId], dueAt);

const heldBy = ({ tokens: { connectionId, tokenVersion }, lease }: RefreshRun): HeldLease => ({
  connectionId,
  tokenVersion,
  lease,
});

/**
 * Whether an earlier refresh may have taken effect without being stored. Taking a lease sets `inDoubtSince`, so its own
 * doubt does not count.
 */
export const wasInDoubt = (tokens: Pick<StoredTokens, 'inDoubtSince'>, lease: RefreshLease): boolean =>
  tokens.inDoubtSince !== undefined && tokens.inDoubtSince < lease.takenAt;

/** When a connection with these tokens is due. A refresh by a sync counts as use. */
const regularlyDue = (deps: Deps, { tokens, lease, cause }: RefreshRun, accessExpiresAt: number): number => {
  const now = deps.now();
  const lastUsedAt = cause.share === 'cron' ? tokens.lastUsedAt : now;
  const stored = { accessExpiresAt, lastUsedAt, wasInDoubt: wasInDoubt(tokens, lease) };
  return nextRefreshAt(stored, deps.settings.refreshPolicy, now, uniform(deps.random));
};
