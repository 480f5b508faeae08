import { and, eq, sql, type SQL } from 'drizzle-orm';

import type { SyncActivity } from '../../domain/activity.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import { historyCompleteFrom, type SyncPosition } from '../../domain/sync.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { ReviewPosition } from '../../domain/window-review.ts';
import { tryD1Idempotent, type Db, type StoreResult } from '../d1.ts';
import { prepared, type Param } from '../prepared.ts';
import { connections } from '../schema/connections.ts';
import { syncCounts, withActivity } from '../users/activity.ts';
import { withEvent } from '../users/timeline.ts';
import { notedGroups, withChanges } from './changes.ts';
import { lastSyncText } from './stored-result.ts';

/**
 * The right to sync one connection, until it is released or expires. `until` grows by a millisecond with each stored
 * page, so that the holder recognizes a write whose answer was lost.
 */
export type SyncLease = { id: string; until: EpochMs };

/** The lease after its holder has stored a page and goes on. */
export const leaseAfterPage = ({ id, until }: SyncLease): SyncLease => ({ id, until: until + 1 });

/**
 * A write of the holder. `check` runs after it in the same transaction, and returns a row if the write was made, now or
 * by an earlier attempt.
 */
export type HeldWrite = { write: D1PreparedStatement; check: D1PreparedStatement };

/** How far a sync got: written with the page that got it there, so that a cut loses nothing that was stored. */
export type SyncProgress = {
  position: SyncPosition;
  /** When the cron goes on, if the sync is not complete. */
  resumeAt: EpochMs | undefined;
  /** Which windows come next; undefined if that stays. */
  reviews: ReviewPosition | undefined;
  /** When the cron polls it next; undefined if that stays, which costs no row of its index. */
  nextReviewAt: EpochMs | undefined;
  /** The groups of which this page changed any measurement. */
  changedGroups: readonly number[];
  timeZone: string | undefined;
};

/** The connection, and the lease that every write of a sync names. */
type Held = { connectionId: ConnectionId; leaseId: string };
type HeldBefore = Held & { until: EpochMs };

const isHeld = (param: Param<Held>) =>
  and(eq(connections.id, param('connectionId')), eq(connections.syncLeaseId, param('leaseId')));

/** Which indexed columns a statement writes: each costs a row, changed or not. And whether it records skipped data. */
type Shape = { changes: boolean; nextReview: boolean; skips: boolean };

const statementPerShape = <Statement>(write: (shape: Shape) => Statement) => {
  const statements = new Map<string, Statement>();
  return ({ changedGroups, nextReviewAt }: SyncProgress, skipped = 0): Statement => {
    const shape = { changes: changedGroups.length > 0, nextReview: nextReviewAt !== undefined, skips: skipped > 0 };
    const key = JSON.stringify(shape);
    const statement = statements.get(key) ?? write(shape);
    statements.set(key, statement);
    return statement;
  };
};

const PROGRESS = statementPerShape((shape) =>
  prepared((orm, param: Param<ProgressValues & HeldBefore>) =>
    orm
      .update(connections)
      .set({ ...progressed(param, shape), syncLeaseUntil: sql`${param('until')} + 1` })
      .where(and(isHeld(param), eq(connections.syncLeaseUntil, param('until')))),
  ),
);

const IS_WRITTEN = `SELECT 1 FROM connections
  WHERE id = ?1 AND (last_sync_result = ?2 OR (sync_lease_id = ?3 AND sync_lease_until = ?4))`;

/** Notes progress and keeps the lease; see `leaseAfterPage`. */
export const noteProgress = (
  db: Db,
  connectionId: ConnectionId,
  lease: SyncLease,
  progress: SyncProgress,
): HeldWrite => {
  const held = { connectionId, leaseId: lease.id };
  return {
    write: PROGRESS(progress).bind(db, { ...held, until: lease.until, ...progressValues(progress) }),
    check: db.d1.prepare(IS_WRITTEN).bind(connectionId, null, lease.id, leaseAfterPage(lease).until),
  };
};

/** What became of a sync, for the callers that waited for it; they get `outcome` as it is. */
export type SyncEnding = {
  outcome: unknown;
  /** How much could not be read, for the timeline. */
  skipped: number;
  usedTokenVersion: number;
  /** Whether the refresh policy counts it as use. */
  isUse: boolean;
  /** Whether an app requested it. The counts of one that came by itself are undelivered. */
  isAsked: boolean;
  activity: SyncActivity;
};

type EndingValues = Record<'result' | 'skipped' | 'counts', string> &
  Pick<SyncEnding, 'usedTokenVersion' | 'isUse'> & { now: EpochMs };

const FINISH = statementPerShape((shape) =>
  prepared((orm, param: Param<ProgressValues & EndingValues & Held>) =>
    orm
      .update(connections)
      .set({ ...progressed(param, shape), ...ended(param, shape) })
      .where(isHeld(param)),
  ),
);

/**
 * Ends a sync and releases the lease. It also drops the previous refresh token: its successor's
 * access token was used, so Withings does not accept it any more.
 */
export const noteEnd = (
  db: Db,
  connectionId: ConnectionId,
  { id: leaseId }: SyncLease,
  progress: SyncProgress,
  { outcome, skipped, usedTokenVersion, isUse, isAsked, activity }: SyncEnding,
  now: EpochMs,
): HeldWrite => {
  const result = lastSyncText({ endedAt: now, outcome, isUndelivered: !isAsked });
  const ending = { result, skipped: `skipped_${skipped}`, usedTokenVersion, isUse, counts: syncCounts(activity), now };
  return {
    write: FINISH(progress, skipped).bind(db, { connectionId, leaseId, ...progressValues(progress), ...ending }),
    check: db.d1.prepare(IS_WRITTEN).bind(connectionId, result, null, null),
  };
};

type AbandonValues = {
  result: string;
  recentQuestions: string | null;
  history: string | null;
  resumeAt: EpochMs | null;
  failure: string | null;
  isRefused: boolean;
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
      // Where a sync ended before it asked, nothing is known of it.
      syncHistory: sql`CASE WHEN ${param('recentQuestions')} IS NULL THEN ${connections.syncHistory} ELSE ${param('history')} END`,
      syncResumeAt: sql`coalesce(${param('resumeAt')}, ${connections.syncResumeAt})`,
      syncRefusedSince: sql`iif(${param('isRefused')}, coalesce(${connections.syncRefusedSince}, ${param('endedAt')}), ${connections.syncRefusedSince})`,
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
  connectionId: ConnectionId,
  leaseId: string,
  ending: {
    outcome: unknown;
    endedAt: EpochMs;
    /** What was asked, and what could not be read; undefined if nothing was. */
    position: Pick<SyncPosition, 'recentQuestions' | 'history'> | undefined;
    resumeAt: EpochMs | undefined;
    /** Why Withings' answer was of no use, if that ended it: it is shown with the connection. */
    failure: string | undefined;
  },
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    const values = {
      result: lastSyncText({ endedAt: ending.endedAt, outcome: ending.outcome, isUndelivered: false }),
      recentQuestions: ending.position === undefined ? null : JSON.stringify(ending.position.recentQuestions),
      history: historyJson(ending.position?.history),
      resumeAt: ending.resumeAt ?? null,
      failure: ending.failure ?? null,
      isRefused: ending.failure === 'unauthorized',
      endedAt: ending.endedAt,
    };
    await ABANDON.bind(db, { connectionId, leaseId, ...values }).run();
  });

type ProgressValues = {
  cursorSeconds: number;
  resume: string | null;
  history: string | null;
  completeFrom: EpochMs | null;
  resumeAt: EpochMs | null;
  recentQuestions: string;
  reviews: string | null;
  nextReviewAt: EpochMs | null;
  changedGroups: string | null;
  timeZone: string | null;
};

const historyJson = (history: SyncPosition['history']): string | null =>
  history === undefined ? null : JSON.stringify(history);

const progressValues = ({ position, reviews, ...progress }: SyncProgress): ProgressValues => ({
  cursorSeconds: position.cursorSeconds,
  resume: position.resume === undefined ? null : JSON.stringify(position.resume),
  history: historyJson(position.history),
  completeFrom: historyCompleteFrom(position) ?? null,
  resumeAt: progress.resumeAt ?? null,
  recentQuestions: JSON.stringify(position.recentQuestions),
  reviews: reviews === undefined ? null : JSON.stringify(reviews),
  nextReviewAt: progress.nextReviewAt ?? null,
  changedGroups: notedGroups(progress.changedGroups),
  timeZone: progress.timeZone ?? null,
});

const progressed = (param: Param<ProgressValues>, { changes, nextReview }: Shape) => ({
  syncCursorSeconds: param('cursorSeconds'),
  syncResume: param('resume'),
  syncHistory: param('history'),
  historyCompleteFrom: param('completeFrom'),
  syncResumeAt: param('resumeAt'),
  recentQuestions: param('recentQuestions'),
  reviewPosition: sql`coalesce(${param('reviews')}, ${connections.reviewPosition})`,
  timeZone: sql`coalesce(${param('timeZone')}, ${connections.timeZone})`,
  ...(nextReview && { nextReviewAt: param('nextReviewAt') }),
  ...(changes && { dataVersion: sql`${connections.dataVersion} + 1`, ...withChanges(param('changedGroups')) }),
});

const ended = (param: Param<EndingValues>, { skips }: Shape) => ({
  syncLeaseId: null,
  syncLeaseUntil: null,
  lastSyncAt: param('now'),
  syncFailures: 0,
  syncRefusedSince: null,
  lastUsedAt: sql`CASE WHEN ${param('isUse')} THEN ${param('now')} ELSE ${connections.lastUsedAt} END`,
  lastSyncResult: param('result'),
  timeline: withEvent({ kind: 'synced', ...(skips && { reason: param('skipped') }), at: param('now') }),
  activity: withActivity(param('counts'), param('now')),
  previousRefreshTokenSealed: sql`CASE WHEN ${connections.tokenVersion} = ${param('usedTokenVersion')}
    THEN NULL ELSE ${connections.previousRefreshTokenSealed} END`,
});
