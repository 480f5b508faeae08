import { sql, type SQL } from 'drizzle-orm';

import { ACTIVITY_DAYS, type ActivityKind, type DayActivity } from '../../domain/activity.ts';
import type { AppId } from '../../domain/app-id.ts';
import { DAY_MS, type EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { connections } from '../schema/connections.ts';

/** The name of a count: its kind's letter and the day. */
const LETTER: Record<ActivityKind, string> = { synced: 's', refreshed: 'r' };

/**
 * The expression that counts one more sync or refresh today and drops the counts of last month. The statement writes
 * the row anyway, so it costs no row. A table of counters would cost one for each sync.
 */
export const withActivity = (kind: ActivityKind, now: SQL<EpochMs>): SQL<string> => {
  const today = sql`CAST(${now} AS INTEGER) / ${sql.raw(String(DAY_MS))}`;
  const path = sql`('$.${sql.raw(LETTER[kind])}' || (${today}))`;
  return sql<string>`(SELECT json_group_object(key, value) FROM json_each(
    json_set(${connections.activity}, ${path}, coalesce(json_extract(${connections.activity}, ${path}), 0) + 1))
    WHERE CAST(substr(key, 2) AS INTEGER) > ${today} - ${sql.raw(String(ACTIVITY_DAYS))})`;
};

/** Recent activity, and how many users it was counted for. */
export type Activity = { days: DayActivity[]; users: number };

/**
 * Syncs and refreshes by day, summed over at most `mostUsers` current connections: an app's, or all without an app.
 * Reads one row for each, and an index entry for an app. Ids are random, so the lowest ids are a fair sample.
 * Raw SQL, because the counts are JSON.
 */
export const activityOf = (db: Db, appId: AppId | undefined, mostUsers: number): StoreResult<Activity> =>
  tryD1(db, async () => {
    const whose = appId === undefined ? 'id > -1 AND ?1 IS NULL' : 'app_id = ?1';
    const some = (column: string) =>
      `SELECT ${column} FROM connections WHERE ${whose} AND is_current = 1 ${appId === undefined ? 'ORDER BY id' : ''} LIMIT ?2`;
    const { results } = await db.d1
      .prepare(
        `WITH one AS (${some('activity')})
         SELECT CAST(substr(counted.key, 2) AS INTEGER) AS day,
           sum(CASE WHEN counted.key LIKE 's%' THEN counted.value ELSE 0 END) AS synced,
           sum(CASE WHEN counted.key LIKE 'r%' THEN counted.value ELSE 0 END) AS refreshed,
           (SELECT count(*) FROM (${some('1')})) AS users
         FROM one CROSS JOIN json_each(one.activity) AS counted
         GROUP BY day`,
      )
      .bind(appId ?? null, mostUsers)
      .all<DayActivity & { users: number }>();
    return {
      users: results[0]?.users ?? 0,
      days: results.map(({ day, synced, refreshed }) => ({ day, synced, refreshed })),
    };
  });
