import { and, eq, sql, type SQL } from 'drizzle-orm';

import type { ConnectionState, StoredTokens } from '../../domain/connection.ts';
import type { ReauthReason } from '../../domain/failure.ts';
import type { AskedQuestion, SyncPosition } from '../../domain/sync.ts';
import { type EpochMs, HOUR_MS, SECOND_MS } from '../../domain/time.ts';
import { FIRST_REVIEW, type ReviewPosition } from '../../domain/window-review.ts';
import { withActivity } from '../activity.ts';
import { tryD1, tryD1Idempotent, type Db, type StoreResult } from '../d1.ts';
import { prepared, type Param } from '../prepared.ts';
import { connections } from '../schema/connections.ts';
import { withEvent } from '../timeline.ts';
import { tokenColumns, tokensOfRow } from '../tokens/token-row.ts';
import type { Condition } from '../tokens/withings-quota.ts';
import { notedGroups, withChanges } from './changes.ts';

/** The right to sync one connection, until it is given back or runs out. */
export type SyncLease = { id: string; until: EpochMs };

/** What the holder of a sync lease starts from. */
export type SyncStart = {
  /** The tokens as they were when the lease was taken. */
  tokens: StoredTokens;
  position: SyncPosition;
  dataVersion: number;
  reviews: ReviewPosition;
  /** Whether the cron re-reads older windows of this connection. */
  isReviewed: boolean;
  /** Whether an earlier sync left something to be read: a history that did not fit one slice. */
  isUnderWay: boolean;
};

const TAKE_LEASE = prepared((orm, param: Param<{ connectionId: number } & SyncLease>) =>
  orm
    .update(connections)
    .set({ syncLeaseId: param('id'), syncLeaseUntil: param('until') })
    // Behind the statement that takes the quota, whose condition is `mayStart`.
    .where(and(eq(connections.id, param('connectionId')), sql`changes() > 0`))
    .returning({
      ...tokenColumns,
      cursorSeconds: connections.syncCursorSeconds,
      resume: connections.syncResume,
      recentQuestions: connections.recentQuestions,
      dataVersion: connections.dataVersion,
      reviews: connections.reviewPosition,
      nextReviewAt: connections.nextReviewAt,
      resumeAt: connections.syncResumeAt,
    }),
);

/** A complete sync answers for those that are asked for within this time. Withings refuses the same question for as long. */
const FRESH_MS = 10 * SECOND_MS;

/**
 * Whether a sync of a connection may begin: it is active, nobody else syncs it, and no complete sync is as good as new.
 *
 * @param mayRepeat whether a complete sync of the last seconds is no reason against it
 */
export const mayStart = (connectionId: number, lease: SyncLease, mayRepeat: boolean): Condition => ({
  // The lease may have been taken a moment ago by this very call, whose answer was lost. A date that is ahead is another isolate's mistake.
  sql: `EXISTS (SELECT 1 FROM connections WHERE id = ?10 AND state = 'active'
    AND (sync_lease_until IS NULL OR sync_lease_until <= ?1 OR sync_lease_until > ?1 + ${LONGEST_LEASE_MS} OR sync_lease_id = ?11)
    AND (?12 OR NOT ${isFresh}))`,
  values: [connectionId, lease.id, Number(mayRepeat)],
});

/** No lease is this long. */
const LONGEST_LEASE_MS = HOUR_MS;

const isFresh = `coalesce(json_extract(last_sync_result, '$.outcome.value.complete')
  AND abs(?1 - json_extract(last_sync_result, '$.endedAt')) < ${FRESH_MS}, 0)`;

/** Whether a sync that ended as this one did answers for one that is asked for now. */
export const isStillFresh = ({ endedAt }: { endedAt: EpochMs }, now: EpochMs): boolean =>
  Math.abs(now - endedAt) < FRESH_MS;

/**
 * The statements that take the sync lease of a connection, if the statement before them wrote something, and that look how its syncs stand.
 *
 * The race that remains: a holder slower than its lease finds its writes refused, because each names the lease.
 */
export const startStatements = (db: Db, connectionId: number, lease: SyncLease): D1PreparedStatement[] => [
  TAKE_LEASE.bind(db, { connectionId, ...lease }),
  SYNC_STATE.bind(db, { connectionId }),
];

/** What the statements answered: what the holder of the lease starts from, if it was taken, and the state. */
export const startOf = ([taken, state]: readonly D1Result[]): {
  start: SyncStart | undefined;
  state: SyncState | undefined;
} => {
  const [row] = TAKE_LEASE.rowsOf(taken);
  return { start: row && syncStartOf(row), state: syncStateOfRow(SYNC_STATE.rowsOf(state)[0]) };
};

type StartRow = Awaited<ReturnType<typeof TAKE_LEASE.rows>>[number];

const syncStartOf = (row: StartRow): SyncStart => ({
  tokens: tokensOfRow(row),
  dataVersion: row.dataVersion,
  reviews: row.reviews === null ? FIRST_REVIEW : JSON.parse(row.reviews),
  isReviewed: row.nextReviewAt !== null,
  isUnderWay: row.resumeAt !== null,
  position: {
    cursorSeconds: row.cursorSeconds,
    resume: row.resume === null ? undefined : JSON.parse(row.resume),
    recentQuestions: JSON.parse(row.recentQuestions),
  },
});

/** How far a sync got: written with the page that got it there, so that a cut loses nothing that was stored. */
export type SyncProgress = {
  position: SyncPosition;
  /** When the cron goes on, if the sync is not complete. */
  resumeAt: EpochMs | undefined;
  /** Which windows come next; undefined where that stays as it is. */
  reviews: ReviewPosition | undefined;
  /** When the cron re-reads an older window; undefined where that stays as it is, which costs no row of its index. */
  nextReviewAt: EpochMs | undefined;
  /** The groups of which this page changed any measurement. */
  changedGroups: readonly number[];
  timeZone: string | undefined;
};

/** `Held` is the connection, and the lease that every write of a sync names. */
type Held = { connectionId: number; leaseId: string };

const isHeld = (param: Param<Held>) =>
  and(eq(connections.id, param('connectionId')), eq(connections.syncLeaseId, param('leaseId')));

/** Which of the columns a statement writes that have an index: each costs a row, changed or not. */
type IndexedColumns = { changes: boolean; nextReview: boolean };

const statementPerVariant = <Statement>(write: (shape: IndexedColumns) => Statement) => {
  const statements = [
    write({ changes: false, nextReview: false }),
    write({ changes: false, nextReview: true }),
    write({ changes: true, nextReview: false }),
    write({ changes: true, nextReview: true }),
  ] as const;
  return ({ changedGroups, nextReviewAt }: SyncProgress): Statement => {
    const [same, sameReviewed, changed, changedReviewed] = statements;
    if (changedGroups.length === 0) return nextReviewAt === undefined ? same : sameReviewed;
    return nextReviewAt === undefined ? changed : changedReviewed;
  };
};

const PROGRESS = statementPerVariant((shape) =>
  prepared((orm, param: Param<ProgressValues & Held>) =>
    orm.update(connections).set(progressed(param, shape)).where(isHeld(param)),
  ),
);

/** The statement that notes progress and keeps the lease. */
export const progressStatement = (
  db: Db,
  connectionId: number,
  leaseId: string,
  progress: SyncProgress,
): D1PreparedStatement => PROGRESS(progress).bind(db, { connectionId, leaseId, ...progressValues(progress) });

/** What became of a sync, for the callers that waited for it; `outcome` is told to them as it is. */
export type SyncEnding = {
  outcome: unknown;
  usedTokenVersion: number;
  /** Whether somebody asked for it, which the refresh policy counts as use. */
  isUse: boolean;
};

type EndingValues = { result: string; usedTokenVersion: number; isUse: boolean; now: EpochMs };

const FINISH = statementPerVariant((shape) =>
  prepared((orm, param: Param<ProgressValues & EndingValues & Held>) =>
    orm
      .update(connections)
      .set({ ...progressed(param, shape), ...ended(param) })
      .where(isHeld(param))
      .returning({ id: connections.id }),
  ),
);

/**
 * The statement that ends a sync and gives the lease back. The refresh token before the one in use is dropped: its successor's access
 * token has been used, so Withings no longer takes it.
 */
export const finishStatement = (
  db: Db,
  connectionId: number,
  leaseId: string,
  progress: SyncProgress,
  { outcome, usedTokenVersion, isUse }: SyncEnding,
  now: EpochMs,
): D1PreparedStatement => {
  const ending = { result: JSON.stringify({ endedAt: now, outcome }), usedTokenVersion, isUse, now };
  return FINISH(progress).bind(db, { connectionId, leaseId, ...progressValues(progress), ...ending });
};

type AbandonValues = {
  result: string;
  recentQuestions: string | null;
  resumeAt: EpochMs | null;
  failure: string | null;
  endedAt: EpochMs;
};

const ABANDON = prepared((orm, param: Param<AbandonValues & Held>) =>
  orm
    .update(connections)
    .set({
      syncLeaseId: null,
      syncLeaseUntil: null,
      lastSyncResult: param('result'),
      recentQuestions: sql`coalesce(${param('recentQuestions')}, ${connections.recentQuestions})`,
      syncResumeAt: sql`coalesce(${param('resumeAt')}, ${connections.syncResumeAt})`,
      syncFailures: sql`${connections.syncFailures} + (${param('failure')} IS NOT NULL)`,
      lastFailureKind: sql`coalesce(${param('failure')}, ${connections.lastFailureKind})`,
      lastFailureAt: sql`iif(${param('failure')} IS NULL, ${connections.lastFailureAt}, ${param('endedAt')})`,
      timeline: sql`iif(${param('failure')} IS NULL, ${connections.timeline},
        ${withEvent({ kind: 'sync_failed', reason: param('failure') as SQL<string>, at: param('endedAt') })})`,
    })
    .where(isHeld(param)),
);

/** Ends a sync that failed: what was stored and how far it got stays, and what was asked is remembered. */
export const abandonSync = (
  db: Db,
  connectionId: number,
  leaseId: string,
  ending: {
    outcome: unknown;
    endedAt: EpochMs;
    recentQuestions: readonly AskedQuestion[] | undefined;
    resumeAt: EpochMs | undefined;
    /** Why Withings' answer was of no use, if that ended it: it is shown with the connection. */
    failure: string | undefined;
  },
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    const values = {
      result: JSON.stringify({ endedAt: ending.endedAt, outcome: ending.outcome }),
      recentQuestions: ending.recentQuestions === undefined ? null : JSON.stringify(ending.recentQuestions),
      resumeAt: ending.resumeAt ?? null,
      failure: ending.failure ?? null,
      endedAt: ending.endedAt,
    };
    await ABANDON.bind(db, { connectionId, leaseId, ...values }).run();
  });

type ProgressValues = {
  cursorSeconds: number;
  resume: string | null;
  resumeAt: EpochMs | null;
  recentQuestions: string;
  reviews: string | null;
  nextReviewAt: EpochMs | null;
  changedGroups: string | null;
  timeZone: string | null;
};

const progressValues = ({ position, reviews, ...progress }: SyncProgress): ProgressValues => ({
  cursorSeconds: position.cursorSeconds,
  resume: position.resume === undefined ? null : JSON.stringify(position.resume),
  resumeAt: progress.resumeAt ?? null,
  recentQuestions: JSON.stringify(position.recentQuestions),
  reviews: reviews === undefined ? null : JSON.stringify(reviews),
  nextReviewAt: progress.nextReviewAt ?? null,
  changedGroups: notedGroups(progress.changedGroups),
  timeZone: progress.timeZone ?? null,
});

const progressed = (param: Param<ProgressValues>, { changes, nextReview }: IndexedColumns) => ({
  syncCursorSeconds: param('cursorSeconds'),
  syncResume: param('resume'),
  syncResumeAt: param('resumeAt'),
  recentQuestions: param('recentQuestions'),
  reviewPosition: sql`coalesce(${param('reviews')}, ${connections.reviewPosition})`,
  timeZone: sql`coalesce(${param('timeZone')}, ${connections.timeZone})`,
  ...(nextReview && { nextReviewAt: param('nextReviewAt') }),
  ...(changes && { dataVersion: sql`${connections.dataVersion} + 1`, ...withChanges(param('changedGroups')) }),
});

const ended = (param: Param<EndingValues>) => ({
  syncLeaseId: null,
  syncLeaseUntil: null,
  lastSyncAt: param('now'),
  syncFailures: 0,
  lastUsedAt: sql`CASE WHEN ${param('isUse')} THEN ${param('now')} ELSE ${connections.lastUsedAt} END`,
  lastSyncResult: param('result'),
  timeline: withEvent({ kind: 'synced', at: param('now') }),
  activity: withActivity('synced', param('now')),
  previousRefreshTokenSealed: sql`CASE WHEN ${connections.tokenVersion} = ${param('usedTokenVersion')}
    THEN NULL ELSE ${connections.previousRefreshTokenSealed} END`,
});

/** Who syncs a connection now, and how the last sync ended. */
export type SyncState = {
  state: ConnectionState;
  stateReason: ReauthReason | undefined;
  leaseId: string | undefined;
  /** Whether a sync that did not fit one slice is to go on. */
  isUnderWay: boolean;
  last: { endedAt: EpochMs; outcome: unknown } | undefined;
};

const SYNC_STATE = prepared((orm, param: Param<{ connectionId: number }>) =>
  orm
    .select({
      state: connections.state,
      stateReason: connections.stateReason,
      leaseId: connections.syncLeaseId,
      last: connections.lastSyncResult,
      resumeAt: connections.syncResumeAt,
    })
    .from(connections)
    .where(eq(connections.id, param('connectionId'))),
);

/** The sync state of a connection; undefined where it does not exist. */
export const syncStateOf = (db: Db, connectionId: number): StoreResult<SyncState | undefined> =>
  tryD1(db, async () => syncStateOfRow(await SYNC_STATE.first(db, { connectionId })));

type StateRow = Awaited<ReturnType<typeof SYNC_STATE.rows>>[number];

const syncStateOfRow = (row: StateRow | undefined): SyncState | undefined =>
  row && {
    state: row.state,
    stateReason: (row.stateReason ?? undefined) as ReauthReason | undefined,
    leaseId: row.leaseId ?? undefined,
    isUnderWay: row.resumeAt !== null,
    last: row.last === null ? undefined : JSON.parse(row.last),
  };
