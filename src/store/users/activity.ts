import { sql, type SQL } from 'drizzle-orm';

import {
  ACTIVITY_DAYS,
  type DayActivity,
  DELAY_BOUNDS_SECONDS,
  type EpochDay,
  type SyncActivity,
} from '../../domain/activity.ts';
import type { AppId } from '../../domain/app-id.ts';
import { DAY_MS, type EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { connections } from '../schema/connections.ts';

/*
 * A connection's counts are one object a day: `{"20786":{"s":2,"p":1,"r":1,"d3":1}}` are two syncs, one of them by a
 * push, a refresh, and a weigh-in with the third kind of delay. One object a day, because D1 counts a row read for each
 * name. Releases up to 0.1 wrote `{"s20786":2,"r20786":1}`, which goes on being read for a month.
 */

/** What a sync counts, as `withActivity` takes it. */
export const syncCounts = ({ isPushed, delays }: SyncActivity): string => {
  const counts: Record<string, number> = { s: 1, ...(isPushed && { p: 1 }) };
  for (const kind of delays) counts[`d${kind}`] = (counts[`d${kind}`] ?? 0) + 1;
  return JSON.stringify(counts);
};

/** The expression that counts a refresh. */
export const withRefreshCounted = (now: SQL<EpochMs>): SQL<string> => withActivity(sql`'{"r":1}'`, now);

const DAY_OF_KEY = `CAST(ltrim(key, 'sr') AS INTEGER)`;

/**
 * The expression that adds counts of today and drops those of last month. The statement writes the row anyway, so it
 * costs no row. A table of counters would cost one for each sync.
 */
export const withActivity = (counts: SQL, now: SQL<EpochMs>): SQL<string> => {
  const today = sql`(CAST(${now} AS INTEGER) / ${sql.raw(String(DAY_MS))})`;
  const sums = sql`(SELECT json_group_object(key, value + coalesce(${connections.activity} ->> ('$."' || ${today} || '".' || key), 0))
    FROM json_each(${counts}))`;
  return sql<string>`(SELECT json_group_object(key, json(value))
    FROM json_each(json_patch(${connections.activity}, json_object(${today} || '', json(${sums}))))
    WHERE ${sql.raw(DAY_OF_KEY)} > ${today} - ${sql.raw(String(ACTIVITY_DAYS))})`;
};

/** Recent activity, and how many users it was counted for. */
export type Activity = { days: DayActivity[]; users: number };

const DELAYS = Array.from({ length: DELAY_BOUNDS_SECONDS.length + 1 }, (_, kind) => `d${kind}`);
const SUMS = ['s', 'p', 'r', ...DELAYS].map((name) => `total(counts ->> '${name}') AS ${name}`).join(', ');

/**
 * What happened by day, summed over at most `mostUsers` current connections: an app's, or all without an app. Reads one
 * row for each, and an index entry for an app. Ids are random, so the lowest ids are a fair sample. Raw SQL, because
 * the counts are JSON.
 */
export const activityOf = (db: Db, appId: AppId | undefined, mostUsers: number): StoreResult<Activity> =>
  tryD1(db, async () => {
    const whose = appId === undefined ? 'id > -1 AND ?1 IS NULL' : 'app_id = ?1';
    const some = (column: string) =>
      `SELECT ${column} FROM connections WHERE ${whose} AND is_current = 1 ${appId === undefined ? 'ORDER BY id' : ''} LIMIT ?2`;
    const { results } = await db.d1
      .prepare(
        `WITH one AS (${some('activity, is_demo')}), dated AS (
           SELECT ${DAY_OF_KEY} AS day, iif(type = 'object', value, json_object(substr(key, 1, 1), value)) AS counts
           FROM one CROSS JOIN json_each(one.activity) WHERE one.is_demo = 0)
         SELECT day, ${SUMS}, (SELECT count(*) FROM (${some('1')})) AS users FROM dated GROUP BY day`,
      )
      .bind(appId ?? null, mostUsers)
      .all<CountedDay>();
    return { users: results[0]?.users ?? 0, days: results.map(dayOf) };
  });

type CountedDay = { day: EpochDay; users: number; s: number; p: number; r: number } & Record<string, number>;

const dayOf = ({ day, s, p, r, ...counts }: CountedDay): DayActivity => ({
  day,
  pushed: p,
  synced: s,
  refreshed: r,
  delays: DELAYS.map((name) => counts[name] ?? 0),
});
