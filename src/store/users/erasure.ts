import { and, eq, sql } from 'drizzle-orm';

import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, statement, type StoreResult } from '../d1.ts';
import { apiKeys, apps, connections, pendingConnections, redirectUris } from '../schema/connections.ts';
import { floorStatement } from '../sync/changes.ts';
import { forgetAppQuotaStatement } from '../tokens/withings-quota.ts';

/** Removing people and apps, children first, a bounded number of rows at a time: no table cascades. */

/** What there is of a user: every connection there ever was, and the Withings accounts behind them and behind pending ones. */
export type UserHoldings = { connectionIds: number[]; pending: number; withingsUserIds: string[] };

/** What there is of a user of an app. */
export const holdingsOf = (db: Db, appId: string, userId: string): StoreResult<UserHoldings> =>
  tryD1(db, async () => {
    const [connected, pending] = await db.orm.batch([
      db.orm
        .select({ id: connections.id, withingsUserId: connections.withingsUserId })
        .from(connections)
        .where(and(eq(connections.appId, appId), eq(connections.userId, userId))),
      db.orm
        .select({ withingsUserId: pendingConnections.withingsUserId })
        .from(pendingConnections)
        .where(and(eq(pendingConnections.appId, appId), eq(pendingConnections.userId, userId))),
    ]);
    return {
      connectionIds: connected.map(({ id }) => id),
      pending: pending.length,
      withingsUserIds: [...new Set([...connected, ...pending].map(({ withingsUserId }) => withingsUserId))],
    };
  });

/**
 * Those of these Withings accounts that anybody but this user holds tokens of, in any app: revoking such a one would cut off a connection
 * that nobody asked to end.
 *
 * The race that remains: somebody links the account between this look and the revocation, and has to link it again.
 */
export const accountsHeldByOthers = (
  db: Db,
  withingsUserIds: readonly string[],
  user: { appId: string; userId: string },
  now: EpochMs,
): StoreResult<Set<string>> =>
  tryD1(db, async () => {
    const { results } = await db.d1
      .prepare(
        `SELECT asked.value AS id FROM json_each(?1) AS asked
         WHERE EXISTS (SELECT 1 FROM connections AS c WHERE c.withings_user_id = asked.value
             AND c.state <> 'disconnected' AND NOT (c.app_id = ?2 AND c.user_id = ?3))
           OR EXISTS (SELECT 1 FROM pending_connections AS p WHERE p.withings_user_id = asked.value
             AND p.expires_at > ?4 AND NOT (p.app_id = ?2 AND p.user_id = ?3))`,
      )
      .bind(JSON.stringify(withingsUserIds), user.appId, user.userId, now)
      .all<{ id: string }>();
    return new Set(results.map(({ id }) => id));
  });

/** How much body data went. */
export type RemovedBodyData = { measurements: number; groups: number; sources: number };

/**
 * Deletes the body data of connections, at most `most` rows of each table. One statement a table for all of them, so that many connections
 * with little data take no more calls than one.
 *
 * @returns what went; fewer than `most` of each means that nothing is left
 */
export const deleteBodyData = (db: Db, connectionIds: readonly number[], most: number): StoreResult<RemovedBodyData> =>
  tryD1(db, async () => {
    const ids = JSON.stringify(connectionIds);
    const [measurements, groups, sources] = await db.d1.batch([
      db.d1
        .prepare(
          `DELETE FROM measurements WHERE (connection_id, type, position, ambiguous, measured_seconds, group_id) IN
             (SELECT m.connection_id, m.type, m.position, m.ambiguous, m.measured_seconds, m.group_id
              FROM json_each(?1) AS c CROSS JOIN measurements AS m ON m.connection_id = c.value LIMIT ?2)`,
        )
        .bind(ids, most),
      db.d1
        .prepare(
          `DELETE FROM groups WHERE (connection_id, group_id) IN
             (SELECT g.connection_id, g.group_id FROM json_each(?1) AS c CROSS JOIN groups AS g ON g.connection_id = c.value LIMIT ?2)`,
        )
        .bind(ids, most),
      db.d1
        .prepare(
          `DELETE FROM sources WHERE (connection_id, id) IN
             (SELECT s.connection_id, s.id FROM json_each(?1) AS c CROSS JOIN sources AS s ON s.connection_id = c.value LIMIT ?2)`,
        )
        .bind(ids, most),
    ]);
    return {
      measurements: measurements?.meta.changes ?? 0,
      groups: groups?.meta.changes ?? 0,
      sources: sources?.meta.changes ?? 0,
    };
  });

/**
 * Deletes connections, with `alongside` in one transaction. One that was linked anew meanwhile is no longer what was to be erased: it stays.
 *
 * @returns how many went
 */
export const deleteConnections = (
  db: Db,
  connectionIds: readonly number[],
  alongside: D1PreparedStatement[],
): StoreResult<number> =>
  tryD1(db, async () => {
    const removal = db.orm
      .delete(connections)
      .where(and(isAmong(connections.id, connectionIds), eq(connections.state, 'disconnected')));
    const [, removed] = await db.d1.batch([floorStatement(db, connectionIds), statement(db, removal), ...alongside]);
    return removed?.meta.changes ?? 0;
  });

/** As one parameter, of which D1 takes a hundred, and by the key even where there are none. */
const isAmong = (column: typeof connections.id, ids: readonly number[]) =>
  sql`${column} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`;

/** Some of an app's users, those of pending connections included. */
export const someUsersOf = (db: Db, appId: string, most: number): StoreResult<string[]> =>
  tryD1(db, async () => {
    const { results } = await db.d1
      .prepare(
        `SELECT user_id FROM (SELECT DISTINCT user_id FROM connections WHERE app_id = ?1 LIMIT ?2)
         UNION SELECT user_id FROM (SELECT DISTINCT user_id FROM pending_connections WHERE app_id = ?1 LIMIT ?2)
         LIMIT ?2`,
      )
      .bind(appId, most)
      .all<{ user_id: string }>();
    return results.map(({ user_id: userId }) => userId);
  });

/** Deletes an app that has no users any more: its keys, its redirect URIs and the app itself, with `alongside` in one transaction. */
export const deleteApp = (db: Db, appId: string, alongside: D1PreparedStatement[]): StoreResult<void> =>
  tryD1(db, async () => {
    await db.d1.batch([
      statement(db, db.orm.delete(apiKeys).where(eq(apiKeys.appId, appId))),
      statement(db, db.orm.delete(redirectUris).where(eq(redirectUris.appId, appId))),
      forgetAppQuotaStatement(db, appId),
      statement(db, db.orm.delete(apps).where(eq(apps.id, appId))),
      ...alongside,
    ]);
  });
