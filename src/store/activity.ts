import { sql, type SQL } from 'drizzle-orm';

import { ACTIVITY_DAYS, type ActivityKind, type DayActivity } from '../domain/activity.ts';
import { DAY_MS, type EpochMs } from '../domain/time.ts';
import { attempt, type Db, type Stored } from './d1.ts';
import { connections } from './schema.ts';

/** How a count is named: its kind's letter and the day. */
const LETTER: Record<ActivityKind, string> = { synced: 's', refreshed: 'r' };

/**
 * The expression that counts one more sync or refresh of today and forgets those of last month. Set in the very statement that writes the row
 * anyway, it costs no row of its own; a table of counters would cost one a sync.
 */
export const withActivity = (kind: ActivityKind, now: SQL<EpochMs>): SQL<string> => {
  const today = sql`CAST(${now} AS INTEGER) / ${sql.raw(String(DAY_MS))}`;
  const path = sql`('$.${sql.raw(LETTER[kind])}' || (${today}))`;
  return sql<string>`(SELECT json_group_object(key, value) FROM json_each(
    json_set(${connections.activity}, ${path}, coalesce(json_extract(${connections.activity}, ${path}), 0) + 1))
    WHERE CAST(substr(key, 2) AS INTEGER) > ${today} - ${sql.raw(String(ACTIVITY_DAYS))})`;
};

/** What an app's users did lately, and of how many of them it was counted. */
export type AppActivity = { days: DayActivity[]; users: number };

/** Syncs and refreshes by day, summed over at most `mostUsers` of an app's current connections. Reads a row and an index entry for each. */
export const activityOf = (db: Db, appId: string, mostUsers: number): Stored<AppActivity> =>
  attempt(db, async () => {
    const { results } = await db.d1
      .prepare(
        `WITH one AS (SELECT activity FROM connections WHERE app_id = ?1 AND is_current = 1 LIMIT ?2)
         SELECT CAST(substr(counted.key, 2) AS INTEGER) AS day,
           sum(CASE WHEN counted.key LIKE 's%' THEN counted.value ELSE 0 END) AS synced,
           sum(CASE WHEN counted.key LIKE 'r%' THEN counted.value ELSE 0 END) AS refreshed,
           (SELECT count(*) FROM (SELECT 1 FROM connections WHERE app_id = ?1 AND is_current = 1 LIMIT ?2)) AS users
         FROM one CROSS JOIN json_each(one.activity) AS counted
         GROUP BY day`,
      )
      .bind(appId, mostUsers)
      .all<DayActivity & { users: number }>();
    return {
      users: results[0]?.users ?? 0,
      days: results.map(({ day, synced, refreshed }) => ({ day, synced, refreshed })),
    };
  });
