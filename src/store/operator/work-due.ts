import { and, asc, eq, gt, isNotNull, isNull, lte, type SQL } from 'drizzle-orm';

import type { ConnectionId } from '../../domain/connection-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import { databaseClock, tryD1, tryD1Idempotent, type Db, type StoreResult } from '../d1.ts';
import { apps, connections } from '../schema/connections.ts';
import { latestEmptyAt, LONGEST_AHEAD_MS, type Share } from '../tokens/withings-quota.ts';

/** Which kinds of the cron's work are due, the broker's stored state, and what may concern its operator. */
export type WorkDue = {
  refresh: boolean;
  resume: boolean;
  /** Whether connections are due to be polled. */
  polls: boolean;
  /** Whether pushes of Withings wait for a sync. */
  pushes: boolean;
  /** Whether a step of a subscription to Withings' notifications is due. */
  subscriptions: boolean;
  expired: boolean;
  /** Whether any app has webhooks: what waits for them is looked up apart. */
  webhooks: boolean;
  keyring: string | undefined;
  alarms: string | undefined;
  /** How far the cron has compacted groups that earlier releases stored; undefined if all are. */
  compaction: string | undefined;
  /** When the refresh that waits longest became due; undefined if none waits. */
  oldestDueAt: EpochMs | undefined;
  /** How many connections came to need consent again within the window, counted up to its limit. */
  lost: number;
  databaseBytes: number;
  /** The database's clock. */
  databaseNow: EpochMs;
};

/** `workDue` and `healthSnapshot` are raw SQL: the builder has no select without a table. */

/** From when on losses are counted, and up to how many. */
export type LossWindow = { since: EpochMs; most: number };

/**
 * One round trip. Each part reads the first row of an index, whatever the tables hold. No refresh is due while the
 * cron's share is used up or closed: taking leases and releasing them would cost rows written every minute.
 */
export const workDue = (db: Db, cronShare: Share, losses: LossWindow, now: EpochMs): StoreResult<WorkDue> =>
  tryD1(db, async () => {
    const { results, meta } = await db.d1
      .prepare(
        `SELECT
           ${OLDEST_DUE},
           EXISTS (SELECT 1 FROM request_budgets WHERE name = 'cron' AND empty_at > ?2 AND empty_at <= ?2 + ${LONGEST_AHEAD_MS}) AS shareIsEmpty,
           EXISTS (SELECT 1 FROM connections WHERE sync_resume_at <= ?1) AS resume,
           EXISTS (SELECT 1 FROM connections WHERE next_review_at <= ?1) AS polls,
           EXISTS (SELECT 1 FROM waiting_pushes WHERE withings_user_id > '' AND due_at <= ?1) AS pushes,
           EXISTS (SELECT 1 FROM subscriptions WHERE due_at <= ?1) AS subscriptions,
           EXISTS (SELECT 1 FROM claims WHERE expires_at <= ?1)
             OR EXISTS (SELECT 1 FROM pending_connections WHERE expires_at <= ?1) AS expired,
           EXISTS (SELECT 1 FROM webhook_endpoints WHERE app_id > '') AS webhooks,
           (SELECT count(*) FROM (SELECT 1 FROM connections
              WHERE state = 'reauth_required' AND is_current = 1 AND state_since > ?3 AND is_demo = 0 LIMIT ?4)) AS lost,
           ${databaseClock('?5')} AS databaseNow,
           (SELECT value FROM broker_state WHERE name = 'compaction') AS compaction,
           ${REMEMBERED}`,
      )
      .bind(now, latestEmptyAt('cron', cronShare, now), losses.since, losses.most, db.databaseNow?.() ?? null)
      .all<WorkDueRow>();
    const [row] = results;
    const oldestDueAt = oldestOf(row);
    return {
      refresh: oldestDueAt !== undefined && row?.shareIsEmpty === 0,
      resume: row?.resume === 1,
      polls: row?.polls === 1,
      pushes: row?.pushes === 1,
      subscriptions: row?.subscriptions === 1,
      expired: row?.expired === 1,
      webhooks: row?.webhooks === 1,
      keyring: row?.keyring ?? undefined,
      alarms: row?.alarms ?? undefined,
      compaction: row?.compaction ?? undefined,
      oldestDueAt,
      lost: row?.lost ?? 0,
      databaseBytes: meta.size_after,
      databaseNow: row?.databaseNow ?? now,
    };
  });

/** When the refresh that waits longest became due, in doubt or not: the first row of each queue, up to the time ?1. */
const OLDEST_DUE = `
  (SELECT next_refresh_at FROM connections WHERE in_doubt_since IS NULL AND next_refresh_at <= ?1
     ORDER BY next_refresh_at LIMIT 1) AS oldestDue,
  (SELECT next_refresh_at FROM connections WHERE in_doubt_since IS NOT NULL AND next_refresh_at <= ?1
     ORDER BY next_refresh_at LIMIT 1) AS oldestInDoubt`;
const REMEMBERED = `
  (SELECT value FROM broker_state WHERE name = 'keyring') AS keyring,
  (SELECT value FROM broker_state WHERE name = 'alarms') AS alarms`;

type OldestDue = { oldestDue: number | null; oldestInDoubt: number | null };
type Remembered = { keyring: string | null; alarms: string | null };
type WorkDueRow = OldestDue &
  Remembered & {
    shareIsEmpty: number;
    databaseNow: number;
    resume: number;
    polls: number;
    pushes: number;
    subscriptions: number;
    expired: number;
    webhooks: number;
    compaction: string | null;
    lost: number;
  };

const oldestOf = (row: OldestDue | undefined): EpochMs | undefined => {
  const waiting = [row?.oldestDue, row?.oldestInDoubt].filter((at) => typeof at === 'number');
  return waiting.length === 0 ? undefined : Math.min(...waiting);
};

/** What a public health check reads: the cron's overdue work, and whether the database has the code's migrations. */
export type HealthSnapshot = {
  oldestDueAt: EpochMs | undefined;
  /** Until when the cron has used up its share of Withings' requests, or was asked to wait. */
  shareEmptyAt: EpochMs | undefined;
  keyring: string | undefined;
  alarms: string | undefined;
  appliedMigration: string | undefined;
};

/** One round trip; each look reads one row. */
export const healthSnapshot = (db: Db, now: EpochMs): StoreResult<HealthSnapshot> =>
  tryD1(db, async () => {
    const row = await db.d1
      .prepare(
        `SELECT ${OLDEST_DUE}, ${REMEMBERED},
           (SELECT empty_at FROM request_budgets WHERE name = 'cron') AS shareEmptyAt,
           (SELECT name FROM d1_migrations ORDER BY id DESC LIMIT 1) AS appliedMigration`,
      )
      .bind(now)
      .first<OldestDue & Remembered & { shareEmptyAt: number | null; appliedMigration: string | null }>();
    return {
      oldestDueAt: oldestOf(row ?? undefined),
      shareEmptyAt: row?.shareEmptyAt ?? undefined,
      keyring: row?.keyring ?? undefined,
      alarms: row?.alarms ?? undefined,
      appliedMigration: row?.appliedMigration ?? undefined,
    };
  });

/** Connections whose sync did not fit one slice and is to go on. */
export const syncsToResume = (
  db: Db,
  now: EpochMs,
  limit: number,
): StoreResult<{ connectionId: ConnectionId; appDisabled: boolean }[]> =>
  tryD1(db, async () => {
    const rows = await db.orm
      .select({ connectionId: connections.id, appId: apps.id, appDisabledAt: apps.disabledAt })
      .from(connections)
      .leftJoin(apps, eq(apps.id, connections.appId))
      .where(lte(connections.syncResumeAt, now))
      .orderBy(asc(connections.syncResumeAt))
      .limit(limit);
    return rows.map(({ connectionId, appId, appDisabledAt }) => ({
      connectionId,
      appDisabled: appId === null || appDisabledAt !== null,
    }));
  });

/** A row says no later moment than these, unless an isolate wrote it whose clock was ahead. */
export type Horizon = { refreshMs: number; doubtMs: number; otherMs: number };

/**
 * Makes due now what is due in the far future. An isolate with a wrong clock wrote that, and by then the tokens would
 * have expired. Reads the far ends of the indexes. One round trip.
 */
export const correctDueTimes = (db: Db, { refreshMs, doubtMs, otherMs }: Horizon, now: EpochMs): StoreResult<number> =>
  tryD1(db, async () => {
    const forward = (column: 'nextRefreshAt' | 'syncResumeAt' | 'nextReviewAt', beyondMs: number, queue?: SQL) =>
      db.orm
        .update(connections)
        .set({ [column]: now })
        .where(and(queue, gt(connections[column], now + beyondMs)))
        .returning({ id: connections.id });
    const forwarded = await db.orm.batch([
      forward('nextRefreshAt', refreshMs, isNull(connections.inDoubtSince)),
      forward('nextRefreshAt', doubtMs, isNotNull(connections.inDoubtSince)),
      forward('syncResumeAt', otherMs),
      forward('nextReviewAt', otherMs),
    ]);
    return forwarded.flat().length;
  });

/** Puts a resumption off, so that one that keeps failing does not hold up the others. */
export const postponeResume = (db: Db, connectionId: ConnectionId, resumeAt: EpochMs): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    await db.orm
      .update(connections)
      .set({ syncResumeAt: resumeAt })
      .where(and(eq(connections.id, connectionId), isNotNull(connections.syncResumeAt)));
  });
