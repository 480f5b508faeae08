import { and, eq, isNull, lte, or, sql } from 'drizzle-orm';

import type { ConnectionState } from '../domain/connection.ts';
import type { ReauthReason } from '../domain/failure.ts';
import type { AskedQuestion, SyncPosition } from '../domain/sync.ts';
import type { EpochMs } from '../domain/time.ts';
import { FIRST_REVIEW, type ReviewPosition } from '../domain/window-review.ts';
import { withActivity } from './activity.ts';
import { withChanges } from './changes.ts';
import { attempt, attemptIdempotent, type Db, statement, type Stored } from './d1.ts';
import { connections } from './schema.ts';
import { withEvent } from './timeline.ts';

/** The right to sync one connection, until it is given back or runs out. */
export type SyncLease = { id: string; until: EpochMs };

/** What the holder of a sync lease starts from. */
export type SyncStart = {
  position: SyncPosition;
  dataVersion: number;
  reviews: ReviewPosition;
  /** Whether the cron re-reads older windows of this connection. */
  isReviewed: boolean;
  /** Whether an earlier sync left something to be read: a history that did not fit one slice. */
  isUnderWay: boolean;
};

/**
 * Takes the sync lease of an active connection, unless somebody holds it. Undefined where it was not to be had.
 *
 * The race that remains: a holder slower than its lease finds its writes refused, because each names the lease.
 */
export const takeSyncLease = (
  db: Db,
  connectionId: number,
  lease: SyncLease,
  now: EpochMs,
): Stored<SyncStart | undefined> =>
  attemptIdempotent(db, async () => {
    const row = await db.orm
      .update(connections)
      .set({ syncLeaseId: lease.id, syncLeaseUntil: lease.until })
      .where(
        and(
          eq(connections.id, connectionId),
          eq(connections.state, 'active'),
          or(
            isNull(connections.syncLeaseUntil),
            lte(connections.syncLeaseUntil, now),
            // Taken a moment ago by this very call, whose answer was lost.
            eq(connections.syncLeaseId, lease.id),
          ),
        ),
      )
      .returning({
        cursorSeconds: connections.syncCursorSeconds,
        resume: connections.syncResume,
        recentQuestions: connections.recentQuestions,
        dataVersion: connections.dataVersion,
        reviews: connections.reviewPosition,
        nextReviewAt: connections.nextReviewAt,
        resumeAt: connections.syncResumeAt,
      })
      .get();
    if (row === undefined) return undefined;
    return {
      dataVersion: row.dataVersion,
      reviews: row.reviews === null ? FIRST_REVIEW : JSON.parse(row.reviews),
      isReviewed: row.nextReviewAt !== null,
      isUnderWay: row.resumeAt !== null,
      position: {
        cursorSeconds: row.cursorSeconds,
        resume: row.resume === null ? undefined : JSON.parse(row.resume),
        recentQuestions: JSON.parse(row.recentQuestions),
      },
    };
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

/** The statement that notes progress and keeps the lease. */
export const progressStatement = (
  db: Db,
  connectionId: number,
  leaseId: string,
  progress: SyncProgress,
): D1PreparedStatement =>
  statement(db, db.orm.update(connections).set(progressed(progress)).where(isHeld(connectionId, leaseId)));

/** What became of a sync, for the callers that waited for it; `outcome` is told to them as it is. */
export type SyncEnding = {
  outcome: unknown;
  usedTokenVersion: number;
  /** Whether somebody asked for it, which the refresh policy counts as use. */
  isUse: boolean;
};

/**
 * The statement that ends a sync and gives the lease back. The refresh token before the one in use is dropped: its successor's access
 * token has been used, so Withings no longer takes it.
 */
export const finishStatement = (
  db: Db,
  connectionId: number,
  leaseId: string,
  progress: SyncProgress,
  ending: SyncEnding,
  now: EpochMs,
): D1PreparedStatement =>
  statement(
    db,
    db.orm
      .update(connections)
      .set({ ...progressed(progress), ...ended(ending, now) })
      .where(isHeld(connectionId, leaseId))
      .returning({ id: connections.id }),
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
  },
): Stored<void> =>
  attemptIdempotent(db, async () => {
    await db.orm
      .update(connections)
      .set({
        syncLeaseId: null,
        syncLeaseUntil: null,
        lastSyncResult: JSON.stringify({ endedAt: ending.endedAt, outcome: ending.outcome }),
        ...(ending.recentQuestions !== undefined && {
          recentQuestions: JSON.stringify(ending.recentQuestions),
        }),
        ...(ending.resumeAt !== undefined && { syncResumeAt: ending.resumeAt }),
      })
      .where(isHeld(connectionId, leaseId));
  });

const progressed = ({ position, resumeAt, reviews, nextReviewAt, changedGroups, timeZone }: SyncProgress) => ({
  syncCursorSeconds: position.cursorSeconds,
  syncResume: position.resume === undefined ? null : JSON.stringify(position.resume),
  syncResumeAt: resumeAt ?? null,
  recentQuestions: JSON.stringify(position.recentQuestions),
  ...(reviews !== undefined && { reviewPosition: JSON.stringify(reviews) }),
  ...(nextReviewAt !== undefined && { nextReviewAt }),
  ...(changedGroups.length > 0 && { dataVersion: sql`${connections.dataVersion} + 1`, ...withChanges(changedGroups) }),
  ...(timeZone !== undefined && { timeZone }),
});

const ended = ({ outcome, usedTokenVersion, isUse }: SyncEnding, now: EpochMs) => ({
  syncLeaseId: null,
  syncLeaseUntil: null,
  lastSyncAt: now,
  ...(isUse && { lastUsedAt: now }),
  lastSyncResult: JSON.stringify({ endedAt: now, outcome }),
  timeline: withEvent({ kind: 'synced', at: now }),
  activity: withActivity('synced', now),
  previousRefreshTokenSealed: sql`CASE WHEN ${connections.tokenVersion} = ${usedTokenVersion}
    THEN NULL ELSE ${connections.previousRefreshTokenSealed} END`,
});

const isHeld = (connectionId: number, leaseId: string) =>
  and(eq(connections.id, connectionId), eq(connections.syncLeaseId, leaseId));

/** Who syncs a connection now, and how the last sync ended. */
export type SyncState = {
  state: ConnectionState;
  stateReason: ReauthReason | undefined;
  leaseId: string | undefined;
  last: { endedAt: EpochMs; outcome: unknown } | undefined;
};

/** The sync state of a connection; undefined where it does not exist. */
export const syncStateOf = (db: Db, connectionId: number): Stored<SyncState | undefined> =>
  attempt(db, async () => {
    const row = await db.orm
      .select({
        state: connections.state,
        stateReason: connections.stateReason,
        leaseId: connections.syncLeaseId,
        last: connections.lastSyncResult,
      })
      .from(connections)
      .where(eq(connections.id, connectionId))
      .get();
    if (row === undefined) return undefined;
    return {
      state: row.state,
      stateReason: (row.stateReason ?? undefined) as ReauthReason | undefined,
      leaseId: row.leaseId ?? undefined,
      last: row.last === null ? undefined : JSON.parse(row.last),
    };
  });
