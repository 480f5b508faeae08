import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';

/**
 * What the operator's report counts. Raw SQL: the builder has no select without a table. It also binds as parameters
 * what SQLite has to see in the text to choose a partial index.
 */

/** How many refreshes wait, each kind counted up to a limit, and since when the longest. */
export type RefreshBacklog = {
  due: number;
  inDoubt: number;
  /** When the one that waits longest became due; undefined if none waits. */
  oldestDueAt: EpochMs | undefined;
  /** Syncs that are cut short and to go on. */
  syncsToResume: number;
  /** Until when the cron has used up its share of Withings' requests, or was asked to wait. */
  shareEmptyAt: EpochMs | undefined;
};

/** What waits for the cron, each counted up to `most` along its index. One round trip. */
export const refreshBacklog = (db: Db, most: number, now: EpochMs): StoreResult<RefreshBacklog> =>
  tryD1(db, async () => {
    const due = 'FROM connections WHERE in_doubt_since IS NULL AND next_refresh_at <= ?1';
    const inDoubt = 'FROM connections WHERE in_doubt_since IS NOT NULL AND next_refresh_at <= ?1';
    const row = await db.d1
      .prepare(
        `SELECT
           (SELECT count(*) FROM (SELECT 1 ${due} LIMIT ?2)) AS due,
           (SELECT count(*) FROM (SELECT 1 ${inDoubt} LIMIT ?2)) AS inDoubt,
           (SELECT next_refresh_at ${due} ORDER BY next_refresh_at LIMIT 1) AS oldestDue,
           (SELECT next_refresh_at ${inDoubt} ORDER BY next_refresh_at LIMIT 1) AS oldestInDoubt,
           (SELECT count(*) FROM (SELECT 1 FROM connections WHERE sync_resume_at <= ?1 LIMIT ?2)) AS syncsToResume,
           (SELECT empty_at FROM request_budgets WHERE name = 'cron') AS shareEmptyAt`,
      )
      .bind(now, most)
      .first<BacklogRow>();
    const oldest = [row?.oldestDue, row?.oldestInDoubt].filter((at): at is number => typeof at === 'number');
    return {
      due: row?.due ?? 0,
      inDoubt: row?.inDoubt ?? 0,
      oldestDueAt: oldest.length === 0 ? undefined : Math.min(...oldest),
      syncsToResume: row?.syncsToResume ?? 0,
      shareEmptyAt: row?.shareEmptyAt ?? undefined,
    };
  });

type BacklogRow = {
  due: number;
  inDoubt: number;
  oldestDue: number | null;
  oldestInDoubt: number | null;
  syncsToResume: number;
  shareEmptyAt: number | null;
};

/** How many connections share a trouble. */
export type ReasonCount = { reason: string; count: number };

/**
 * Refreshes that fail at present, by their last failure. A failing one is due again soon, so it is among the first
 * `most` that are due until `soon`, whatever the table holds.
 */
export const failingRefreshes = (db: Db, most: number, soon: EpochMs): StoreResult<ReasonCount[]> =>
  tryD1(db, async () => {
    const some = (which: string): string =>
      `SELECT * FROM (SELECT last_failure_kind AS reason, refresh_failures FROM connections
       WHERE in_doubt_since IS ${which} AND next_refresh_at <= ?1 ORDER BY next_refresh_at LIMIT ?2)`;
    const { results } = await db.d1
      .prepare(
        `SELECT coalesce(reason, 'unknown') AS reason, count(*) AS count FROM (${some('NULL')} UNION ALL ${some('NOT NULL')})
         WHERE refresh_failures > 0 GROUP BY 1 ORDER BY 2 DESC, 1`,
      )
      .bind(soon, most)
      .all<ReasonCount>();
    return results;
  });

/** Connections lost since a time whose users have to connect again, by reason: the last `most` of them. */
export const lostConnections = (db: Db, most: number, since: EpochMs): StoreResult<ReasonCount[]> =>
  tryD1(db, async () => {
    const { results } = await db.d1
      .prepare(
        `SELECT reason, count(*) AS count FROM (
           SELECT coalesce(state_reason, 'unknown') AS reason, is_demo FROM connections
           WHERE state = 'reauth_required' AND is_current = 1 AND state_since > ?2
           ORDER BY state_since DESC LIMIT ?1)
         WHERE is_demo = 0 GROUP BY reason ORDER BY 2 DESC, 1`,
      )
      .bind(most, since)
      .all<ReasonCount>();
    return results;
  });
