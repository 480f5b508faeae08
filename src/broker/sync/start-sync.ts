import { hex } from '../../crypto/credential.ts';
import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import { whyUnusable } from '../../domain/connection.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { SyncResult } from '../../domain/sync.ts';
import { MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import type { ReviewKind } from '../../domain/window-review.ts';
import {
  isStillFresh,
  mayStart,
  startOf,
  startStatements,
  type SyncStart,
  type SyncState,
  syncStateOf,
} from '../../store/sync/sync-lease.ts';
import type { SyncLease } from '../../store/sync/sync-runs.ts';
import type { ShareName } from '../../store/tokens/withings-quota.ts';
import type { Deps } from '../deps.ts';
import type { Asker, Reservation } from '../withings.ts';

/** Longer than a slice with its refresh may take. If the holder dies, the connection is blocked for this long. */
const SYNC_LEASE_MS = 2 * MINUTE_MS;

/** The connection, and the app that requests its sync, if one does. */
export type Synced = { id: ConnectionId; appId?: AppId };

/** Why a sync runs. */
export type SyncPurpose = {
  /** What its requests to Withings count against. */
  share: Exclude<ShareName, 'cron' | 'link' | 'notify' | 'other'>;
  /** It leaves the share's requests of the next moment to others. */
  yields?: true;
  /** An app requested it and waits for the answer. */
  isAsked: boolean;
  /** The refresh policy counts it as use. */
  isUse: boolean;
  /** The window that it reads again after everything new. */
  review: ReviewKind | undefined;
  /** Withings has notified of new data. */
  isPushed?: true;
};

/** A sync that has started: its position, lease and first requests to Withings. */
export type Begun = { start: SyncStart; lease: SyncLease; granted: Reservation };

/** A sync that need not start, because another one has the result. */
export type Answered = { answer: SyncResult };

/** A page, and a window that is read again if one is wanted. */
const requestsWanted = (review: ReviewKind | undefined): number => (review === undefined ? 1 : 2);

/**
 * Starts a sync: reserves its first requests and takes its lease in one transaction, or neither. So a refused sync
 * writes no row. If another sync is running, or was complete within the last seconds, its result is used.
 */
export const beginSync = async (
  deps: Deps,
  { id, appId }: Synced,
  { share, yields, isAsked, review, isPushed }: SyncPurpose,
): Promise<Result<Begun | Answered, Failure>> => {
  const startedAt = deps.now();
  const lease = { id: hex(deps.random(16)), until: startedAt + SYNC_LEASE_MS };
  const about = { share, yields, connectionId: id, appId: share === 'sync' ? appId : undefined };
  const asker: Asker = { ...about, onlyIf: mayStart(id, lease, !isAsked) };
  for (let count = requestsWanted(review), waits = 0, hasAwaited = false; ;) {
    const askedAt = deps.now();
    const taken = await deps.withings.reserveWith(asker, count, startStatements(deps.db, id, lease));
    if (!taken.ok) return taken;
    const { start, state } = startOf(taken.value.results);
    const { granted } = taken.value;
    if (state !== undefined) deps.correctClock(state.databaseNow, askedAt);
    if (granted !== undefined && start !== undefined) return ok({ start, lease, granted });

    const unusable = whyUnusable(state);
    if (unusable !== undefined || state === undefined) return fail(unusable ?? { kind: 'not_connected' });
    const fresh = isAsked ? freshAnswer(state, deps.now()) : undefined;
    if (fresh !== undefined) return ok({ answer: fresh });
    if (state.leaseId !== undefined) {
      const awaited = isAsked ? await awaitSync(deps, id, startedAt) : fail(IN_PROGRESS);
      // The other sync had a share of its own.
      if (awaited.ok || awaited.failure.kind !== 'over_share' || hasAwaited) return awaited;
      hasAwaited = true;
      continue;
    }
    if (count > 1) {
      count = 1;
      continue;
    }
    const refusal = await deps.withings.whyNot(about, 1);
    // A push is done only once Withings was asked.
    if (isPushed === true || !state.isUnderWay || refusal.kind !== 'over_share') return fail(refusal);
    if (waits >= MAX_WAITS || refusal.retryAfterSeconds > MAX_WAIT_SECONDS)
      return ok({ answer: underWay(state, deps.now()) });
    await deps.sleep(refusal.retryAfterSeconds * SECOND_MS);
    waits += 1;
  }
};

/**
 * How often a history waits for its next request, a second or two each time. So an app that calls sync repeatedly gets
 * one page after the other.
 */
export const MAX_WAITS = 2;
export const MAX_WAIT_SECONDS = 5;

/** A history that only waits for its share counts as running. */
const underWay = ({ historyCompleteFrom }: SyncState, now: number): SyncResult => ({
  ...NO_COUNTS,
  complete: false,
  historyCompleteFrom,
  syncedAt: now,
});

const NO_COUNTS = { added: 0, changed: 0, removed: 0, skipped: 0 };

/** The result of a complete sync of the last seconds, without its counts if an app got them before. */
const freshAnswer = ({ last }: SyncState, now: number): SyncResult | undefined => {
  if (last === undefined || !isStillFresh(last, now)) return undefined;
  const { outcome } = last;
  if (!outcome.ok || !outcome.value.complete) return undefined;
  return last.isUndelivered ? outcome.value : { ...outcome.value, ...NO_COUNTS };
};

/** How often a caller looks for the running sync's result before it gets `sync_in_progress`. Together 12 seconds. */
const SYNC_POLLS_MS = [150, 250, 400, 700, 1_000, 1_500, 2_000, 2_000, 2_000, 2_000];

/** Another caller syncs this connection. Its result is returned. */
const awaitSync = async (
  deps: Deps,
  connectionId: ConnectionId,
  startedAt: number,
): Promise<Result<Answered, Failure>> => {
  for (const pauseMs of [0, ...SYNC_POLLS_MS]) {
    if (pauseMs > 0) await deps.sleep(pauseMs);
    const state = await syncStateOf(deps.db, connectionId);
    if (!state.ok) return state;
    const last = state.value?.last;
    if (last !== undefined && last.endedAt >= startedAt) {
      const { outcome } = last;
      return outcome.ok ? ok({ answer: outcome.value }) : outcome;
    }
    const unusable = whyUnusable(state.value);
    if (unusable !== undefined) return fail(unusable);
    if (state.value?.leaseId === undefined) break;
  }
  return fail(IN_PROGRESS);
};

const IN_PROGRESS = { kind: 'sync_in_progress', retryAfterSeconds: 5 } as const;
