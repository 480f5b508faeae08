import { hex } from '../../crypto/credential.ts';
import type { StoredTokens } from '../../domain/connection.ts';
import type { Failure, StorageFailure } from '../../domain/failure.ts';
import { REFRESH_LEASE_MS } from '../../domain/refresh.ts';
import { ok, type Result } from '../../domain/result.ts';
import {
  leaseIn,
  leaseStatements,
  mayBegin,
  type RefreshLease,
  takeLease,
  type ToRefresh,
} from '../../store/tokens/refresh-lease.ts';
import type { ShareName } from '../../store/tokens/withings-quota.ts';
import type { Deps } from '../deps.ts';
import type { Asker, Reservation } from '../withings.ts';

/** Why a refresh runs. */
export type RefreshCause = {
  /** The share that its requests are counted in. */
  share: ShareName;
  /** Whether the tokens are for an app's use: then the cron refreshes them ahead of expiry for a while. */
  isUse: boolean;
  /** The version of the tokens that Withings has just refused. */
  rejectedVersion?: number;
  /** Requests that are already granted. */
  granted?: Reservation;
};

/** A refresh that may be sent: the tokens as they were when its lease was taken, and the granted request. */
export type RefreshRun = { tokens: StoredTokens; lease: RefreshLease; cause: RefreshCause; granted: Reservation };

/**
 * - `held`: another holder has the lease, or the tokens were replaced.
 * - `not_granted`: the share granted no request; `whyNotGranted` says why.
 */
export type Beginning =
  | { kind: 'begun'; run: RefreshRun }
  | { kind: 'held' }
  | { kind: 'not_granted'; toRefresh: ToRefresh };

/**
 * Takes a request to Withings and the lease in one round trip, or neither. From then on the connection is in doubt: the
 * caller sends the refresh at once, or releases the lease.
 */
export const beginRefresh = async (
  deps: Deps,
  toRefresh: ToRefresh,
  cause: RefreshCause,
): Promise<Result<Beginning, StorageFailure>> => {
  const { granted } = cause;
  if (granted === undefined || granted.left === 0) {
    const begun = await beginWith(deps, toRefresh, cause, []);
    return begun.ok ? ok(begun.value.beginning) : begun;
  }
  const lease = newLease(deps);
  const tokens = await takeLease(deps.db, toRefresh, lease);
  if (!tokens.ok) return tokens;
  if (tokens.value === undefined) return ok({ kind: 'held' });
  return ok({ kind: 'begun', run: { tokens: tokens.value, lease, cause, granted } });
};

/**
 * As `beginRefresh`, in one transaction with statements that do not depend on it.
 *
 * @param alongside idempotent statements
 * @returns how it began, and the results of those statements
 */
export const beginWith = async (
  deps: Deps,
  toRefresh: ToRefresh,
  cause: RefreshCause,
  alongside: readonly D1PreparedStatement[],
): Promise<Result<{ beginning: Beginning; results: D1Result[] }, StorageFailure>> => {
  const lease = newLease(deps);
  // A connection that the cron read as due may have been refreshed or postponed since.
  const dueBy = cause.share === 'cron' ? lease.takenAt : undefined;
  const asker = { ...askerOf(toRefresh, cause), onlyIf: mayBegin(toRefresh, lease, dueBy) };
  const statements = leaseStatements(deps.db, toRefresh, lease, dueBy);
  const taken = await deps.withings.reserveWith(asker, 1, [...statements, ...alongside]);
  if (!taken.ok) return taken;
  const { granted } = taken.value;
  const results = taken.value.results.slice(statements.length);
  const { tokens, isFree } = leaseIn(taken.value.results);
  if (granted !== undefined && tokens !== undefined)
    return ok({ beginning: { kind: 'begun', run: { tokens, lease, cause, granted } }, results });
  return ok({ beginning: isFree ? { kind: 'not_granted', toRefresh } : { kind: 'held' }, results });
};

/**
 * Why no request was granted: `over_share`, `withings_unavailable` if Withings asked to wait, `storage_unavailable`.
 */
export const whyNotGranted = (deps: Deps, toRefresh: ToRefresh, cause: RefreshCause): Promise<Failure> =>
  deps.withings.whyNot(askerOf(toRefresh, cause), 1);

/** Requests of the cron are not counted by app: connections of a large app are due as often as those of a small one. */
export const askerOf = ({ connectionId, appId }: ToRefresh, { share }: Pick<RefreshCause, 'share'>): Asker => ({
  share,
  connectionId,
  appId: share === 'sync' ? appId : undefined,
});

const newLease = (deps: Pick<Deps, 'random' | 'now'>): RefreshLease => {
  const takenAt = deps.now();
  return { id: hex(deps.random(16)), takenAt, until: takenAt + REFRESH_LEASE_MS };
};
