import { and, eq, sql } from 'drizzle-orm';

import type { ConnectionId } from '../../domain/connection-id.ts';
import { type ConnectionState, type StoredTokens, reauthReasonOf } from '../../domain/connection.ts';
import type { ReauthReason } from '../../domain/failure.ts';
import type { SyncPosition } from '../../domain/sync.ts';
import { type EpochMs, HOUR_MS, SECOND_MS } from '../../domain/time.ts';
import type { ReviewPosition } from '../../domain/window-review.ts';
import { type Db, type StoreResult, tryD1 } from '../d1.ts';
import { type Param, prepared } from '../prepared.ts';
import { connections } from '../schema/connections.ts';
import { tokenColumns, tokensOfRow } from '../tokens/token-row.ts';
import type { Condition } from '../tokens/withings-quota.ts';
import { positionOf, reviewsOf } from './stored-position.ts';
import { type LastSync, lastSyncOf } from './stored-result.ts';
import type { SyncLease } from './sync-runs.ts';

/** Taking the sync lease of a connection, and the state of its syncs. */

/** What the holder of a sync lease starts from. */
export type SyncStart = {
  /** The tokens as they were when the lease was taken. */
  tokens: StoredTokens;
  position: SyncPosition;
  reviews: ReviewPosition;
  /** How large the database is: D1 says so with every answer. */
  databaseBytes: number;
  /** Whether the cron reviews older windows of this connection. */
  isReviewed: boolean;
  /** Whether an earlier sync left something to be read: a history that did not fit one slice. */
  isUnderWay: boolean;
  /** Since when it is connected. */
  connectedAt: EpochMs;
  /** Since when Withings refuses its measurements, and how many syncs failed in a row. */
  refusals: { since: EpochMs | undefined; attempts: number };
};

const TAKE_LEASE = prepared((orm, param: Param<{ connectionId: ConnectionId } & SyncLease>) =>
  orm
    .update(connections)
    .set({ syncLeaseId: param('id'), syncLeaseUntil: param('until') })
    // Behind the statement that takes the quota, whose condition is `mayStart`.
    .where(and(eq(connections.id, param('connectionId')), sql`changes() > 0`))
    .returning({
      ...tokenColumns,
      cursorSeconds: connections.syncCursorSeconds,
      resume: connections.syncResume,
      history: connections.syncHistory,
      recentQuestions: connections.recentQuestions,
      reviews: connections.reviewPosition,
      nextReviewAt: connections.nextReviewAt,
      resumeAt: connections.syncResumeAt,
      stateSince: connections.stateSince,
      refusedSince: connections.syncRefusedSince,
      failures: connections.syncFailures,
    }),
);

/** Within this time the result of a complete sync is reused. Withings refuses the same request for as long. */
const FRESH_MS = 10 * SECOND_MS;

/**
 * Whether a sync of a connection may start: it is active, no other sync of it runs, and no complete sync is recent
 * enough.
 *
 * @param mayRepeat whether a recent complete sync is ignored
 */
export const mayStart = (connectionId: ConnectionId, lease: SyncLease, mayRepeat: boolean): Condition => ({
  // This call may have taken the lease a moment ago and lost the answer. A date in the future was written by an isolate
  // with a wrong clock.
  sql: `EXISTS (SELECT 1 FROM connections WHERE id = ?10 AND state = 'active'
    AND (sync_lease_until IS NULL OR sync_lease_until <= ?1 OR sync_lease_until > ?1 + ${LONGEST_LEASE_MS} OR sync_lease_id = ?11)
    AND (?12 OR NOT ${isFresh}))`,
  values: [connectionId, lease.id, Number(mayRepeat)],
});

/** No lease is this long. */
const LONGEST_LEASE_MS = HOUR_MS;

const isFresh = `coalesce(json_extract(last_sync_result, '$.outcome.value.complete')
  AND abs(?1 - json_extract(last_sync_result, '$.endedAt')) < ${FRESH_MS}, 0)`;

/** Whether the result of a sync that ended at this time is the answer to a sync that is requested now. */
export const isStillFresh = ({ endedAt }: { endedAt: EpochMs }, now: EpochMs): boolean =>
  Math.abs(now - endedAt) < FRESH_MS;

/**
 * The statements that take the sync lease of a connection, if the statement before them wrote something, and that read
 * the state of its syncs.
 *
 * The race that remains: the writes of a holder that is slower than its lease are refused, because each names the
 * lease.
 */
export const startStatements = (db: Db, connectionId: ConnectionId, lease: SyncLease): D1PreparedStatement[] => [
  TAKE_LEASE.bind(db, { connectionId, ...lease }),
  SYNC_STATE.bind(db, { connectionId, databaseNow: db.databaseNow?.() ?? null }),
];

/** What the statements answered: what the holder of the lease starts from, if it was taken, and the state. */
export const startOf = ([taken, state]: readonly D1Result[]): {
  start: SyncStart | undefined;
  state: SyncState | undefined;
} => {
  const [row] = TAKE_LEASE.rowsOf(taken);
  return {
    start: row && { ...syncStartOf(row), databaseBytes: taken?.meta.size_after ?? 0 },
    state: syncStateOfRow(SYNC_STATE.rowsOf(state)[0]),
  };
};

type StartRow = Awaited<ReturnType<typeof TAKE_LEASE.rows>>[number];

const syncStartOf = (row: StartRow): Omit<SyncStart, 'databaseBytes'> => ({
  tokens: tokensOfRow(row),
  reviews: reviewsOf(row.reviews),
  isReviewed: row.nextReviewAt !== null,
  isUnderWay: row.resumeAt !== null,
  connectedAt: row.stateSince,
  refusals: { since: row.refusedSince ?? undefined, attempts: row.failures },
  position: positionOf(row),
});

/** Who syncs a connection now, and how the last sync ended. */
export type SyncState = {
  state: ConnectionState;
  stateReason: ReauthReason | undefined;
  leaseId: string | undefined;
  /** Whether a sync that did not fit one slice is to go on. */
  isUnderWay: boolean;
  /** The database's clock. */
  databaseNow: EpochMs;
  /** Since when everything that was measured is stored; undefined if nothing older is still to be read. */
  historyCompleteFrom: EpochMs | undefined;
  last: LastSync | undefined;
};

const SYNC_STATE = prepared((orm, param: Param<{ connectionId: ConnectionId; databaseNow: EpochMs | null }>) =>
  orm
    .select({
      state: connections.state,
      stateReason: connections.stateReason,
      leaseId: connections.syncLeaseId,
      last: connections.lastSyncResult,
      resumeAt: connections.syncResumeAt,
      databaseNow: sql<number>`coalesce(${param('databaseNow')}, CAST(unixepoch('subsec') * 1000 AS INTEGER))`.as(
        'database_now',
      ),
      completeFrom: connections.historyCompleteFrom,
    })
    .from(connections)
    .where(eq(connections.id, param('connectionId'))),
);

/** The sync state of a connection; undefined if it does not exist. */
export const syncStateOf = (db: Db, connectionId: ConnectionId): StoreResult<SyncState | undefined> =>
  tryD1(db, async () => syncStateOfRow(await SYNC_STATE.first(db, { connectionId, databaseNow: null })));

type StateRow = Awaited<ReturnType<typeof SYNC_STATE.rows>>[number];

const syncStateOfRow = (row: StateRow | undefined): SyncState | undefined =>
  row && {
    state: row.state,
    stateReason: reauthReasonOf(row.stateReason),
    leaseId: row.leaseId ?? undefined,
    isUnderWay: row.resumeAt !== null,
    databaseNow: row.databaseNow,
    historyCompleteFrom: row.completeFrom ?? undefined,
    last: lastSyncOf(row.last),
  };
