import { and, asc, eq, gt, sql, type SQL } from 'drizzle-orm';
import { alias } from 'drizzle-orm/sqlite-core';
import * as z from 'zod';

import type { AppId } from '../../domain/app-id.ts';
import { asConnectionId, type ConnectionId } from '../../domain/connection-id.ts';
import { parseStored } from '../../domain/stored-json.ts';
import type { UserId } from '../../domain/user-id.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { apps, connections, isCurrent } from '../schema/connections.ts';

/**
 * The order of an app's changes. Every sync that changes data moves its connection to the end of the order, in the
 * statement that stores its position. Becoming a user's current connection does too. D1 has one writer, so a reader at
 * a place in the order has seen, or can still see, every place before it.
 *
 * `recent_changes` is `{"since": seq, "changes": [[seq, [group id, …]], …]}`, oldest first: complete for everything
 * after `since`. Null if nothing was recorded since the connection became current. Apps that never read their changes
 * have neither.
 */
type RecentChanges = { since: number; changes: [number, number[]][] };

/** An unreadable list counts as absent, so the reader gets the user whole. */
const recentChanges: z.ZodType<RecentChanges> = z.looseObject({
  since: z.number(),
  changes: z.array(z.tuple([z.number(), z.array(z.number())])),
});

/** So many syncs are remembered for each connection. */
const MAX_SYNCS = 16;
/** A sync that changed more is remembered as one that may have changed everything. */
const MAX_GROUPS = 32;

/**
 * The next place in the order, for a row `a` of `apps`: one lookup at the end of the index. Places of erased
 * connections are not reused.
 */
const NEXT_SEQ = `(1 + max(a.changes_floor, coalesce((
  SELECT c.change_seq FROM connections AS c WHERE c.app_id = a.id AND c.change_seq IS NOT NULL ORDER BY c.change_seq DESC LIMIT 1), 0)))`;

/** The next place in the order of an app; null if the app does not read it. */
export const nextSeqOf = (appId: SQL<string>): SQL<number | null> =>
  sql<number | null>`(SELECT ${sql.raw(NEXT_SEQ)} FROM apps AS a WHERE a.id = ${appId} AND a.reads_changes)`;

const fromOwnApp = (expression: string): string =>
  `(SELECT ${expression} FROM apps AS a WHERE a.id = connections.app_id AND a.reads_changes)`;

/** For a connection that is written again: moves it to the end of the order if it was not the user's current one. */
export const onReconnect = {
  changeSeq: sql<
    number | null
  >`CASE WHEN ${connections.isCurrent} = 1 THEN ${connections.changeSeq} ELSE excluded.change_seq END`,
  recentChanges: sql<string | null>`CASE WHEN ${connections.isCurrent} = 1 THEN ${connections.recentChanges} END`,
};

/** Which groups a sync changed, as it is noted: a JSON list, or null for more than are remembered one by one. */
export const notedGroups = (groupIds: readonly number[]): string | null =>
  groupIds.length > MAX_GROUPS ? null : `[${groupIds.map(Math.trunc).join(',')}]`;

/**
 * Moves a connection to the end of the order, with the groups that changed and how far the list goes back. A connection
 * without a place has not changed since the app began to read, so its list is complete. A full list loses its oldest
 * sync.
 */
export const withChanges = (groups: SQL<string | null>) => ({
  changeSeq: sql<number | null>`${sql.raw(fromOwnApp(NEXT_SEQ))}`,
  recentChanges: sql<string | null>`(SELECT CASE WHEN ${groups} IS NULL
    THEN json_object('since', ${sql.raw(NEXT_SEQ)}, 'changes', json_array())
    ELSE json_object('since', ${sql.raw(SINCE)}, 'changes', json(CASE WHEN ${sql.raw(IS_FULL)}
      THEN json_remove(${appended(groups)}, '$[0]') ELSE ${appended(groups)} END)) END
    FROM apps AS a WHERE a.id = connections.app_id AND a.reads_changes)`,
});

const RECENT = 'connections.recent_changes';
const IS_FULL = `json_array_length(${RECENT}, '$.changes') >= ${MAX_SYNCS}`;
const SINCE = `CASE WHEN ${IS_FULL} THEN ${RECENT} ->> '$.changes[0][0]' ELSE coalesce(${RECENT} ->> '$.since', connections.change_seq, 0) END`;
/** The list with one more sync. */
const appended = (groups: SQL<string | null>) =>
  sql`json_insert(coalesce(${sql.raw(RECENT)} -> '$.changes', '[]'), '$[#]', json_array(${sql.raw(NEXT_SEQ)}, json(${groups})))`;

/**
 * Keeps the places of connections that are about to be deleted from being given again. Raw SQL: a list as one parameter
 * (`json_each`).
 */
export const floorStatement = (db: Db, connectionIds: readonly ConnectionId[]): D1PreparedStatement =>
  db.d1
    .prepare(
      `WITH going (app_id, seq) AS (
         SELECT c.app_id, max(c.change_seq) FROM json_each(?1) AS id CROSS JOIN connections AS c ON c.id = id.value
         WHERE c.change_seq IS NOT NULL GROUP BY c.app_id)
       UPDATE apps SET changes_floor = going.seq FROM going WHERE apps.id = going.app_id AND going.seq > apps.changes_floor`,
    )
    .bind(JSON.stringify(connectionIds));

/** Has an app's changes noted from now on, and says where their order ends. */
export const startReadingChanges = (db: Db, appId: AppId): StoreResult<number> =>
  tryD1(db, async () => {
    const a = alias(apps, 'a');
    const [, [last]] = await db.orm.batch([
      db.orm
        .update(apps)
        .set({ readsChanges: true })
        .where(and(eq(apps.id, appId), eq(apps.readsChanges, false))),
      db.orm
        .select({ seq: sql<number>`${sql.raw(NEXT_SEQ)} - 1`.as('seq') })
        .from(a)
        .where(eq(a.id, appId)),
    ]);
    return last?.seq ?? 0;
  });

/** A connection in the order in which it is read. */
export type ChangedConnection = {
  connectionId: ConnectionId;
  userId: UserId;
  isCurrent: boolean;
  seq: number;
  recent: RecentChanges | undefined;
};

/**
 * Which connections are read: all current ones by user, or those that changed after a place in the order. One by its id
 * comes before them.
 */
export type ChangesQuery = {
  appId: AppId;
  after: { userId: UserId } | { seq: number };
  unfinished: number | undefined;
  limit: number;
};

/** The unfinished connection, if it is still the app's, and the connections after a place. Reads two rows for each. */
export const connectionsToRead = (
  db: Db,
  { appId, after, unfinished, limit }: ChangesQuery,
): StoreResult<{ unfinished: ChangedConnection | undefined; following: ChangedConnection[] }> =>
  tryD1(db, async () => {
    const [follows, order] =
      'userId' in after
        ? [and(isCurrent, gt(connections.userId, after.userId)), connections.userId]
        : [gt(connections.changeSeq, after.seq), connections.changeSeq];
    const read = () => db.orm.select(changedColumns).from(connections);
    const [[one], following] = await db.orm.batch([
      read().where(and(eq(connections.id, asConnectionId(unfinished ?? -1)), eq(connections.appId, appId))),
      read()
        .where(and(eq(connections.appId, appId), follows))
        .orderBy(asc(order))
        .limit(limit),
    ]);
    return { unfinished: one && connectionOf(one), following: following.map(connectionOf) };
  });

const changedColumns = {
  connectionId: connections.id,
  userId: connections.userId,
  isCurrent: connections.isCurrent,
  seq: connections.changeSeq,
  recent: connections.recentChanges,
};

type ChangedRow = Omit<ChangedConnection, 'seq' | 'recent'> & { seq: number | null; recent: string | null };

const connectionOf = (row: ChangedRow): ChangedConnection => ({
  ...row,
  seq: row.seq ?? 0,
  recent: parseStored(recentChanges, row.recent),
});
