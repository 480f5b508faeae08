import { and, eq } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { tryD1, type Db, statement, type StoreResult, changedRows, countChanges, returnedRows } from '../d1.ts';
import { apiKeys, apps, connections, redirectUris } from '../schema/connections.ts';
import { pendingConnections } from '../schema/links.ts';
import { erasedUsers } from '../schema/management.ts';
import { floorStatement } from '../sync/changes.ts';
import { forgetAppQuotaStatement } from '../tokens/withings-quota.ts';
import { webhookRemovalStatements } from '../webhooks/endpoints.ts';
import { rememberEventsToSend } from '../webhooks/events.ts';

/**
 * Removes people and apps, children first, a bounded number of rows at a time: no table cascades. Raw SQL takes a list
 * of any length as one parameter (`json_each`), and names rows by keys of several columns.
 */

/**
 * Everything of a user: all connections, and the Withings accounts of these and of pending ones. The accounts are those
 * of persons: revoking Withings' demo account would end the connections of all who test with it.
 */
export type UserHoldings = { connectionIds: ConnectionId[]; pending: number; withingsUserIds: string[] };

export const holdingsOf = (db: Db, appId: AppId, userId: UserId): StoreResult<UserHoldings> =>
  tryD1(db, async () => {
    const [connected, pending] = await db.orm.batch([
      db.orm
        .select({ id: connections.id, withingsUserId: connections.withingsUserId, isDemo: connections.isDemo })
        .from(connections)
        .where(and(eq(connections.appId, appId), eq(connections.userId, userId))),
      db.orm
        .select({ withingsUserId: pendingConnections.withingsUserId, isDemo: pendingConnections.isDemo })
        .from(pendingConnections)
        .where(and(eq(pendingConnections.appId, appId), eq(pendingConnections.userId, userId))),
    ]);
    const ofPersons = [...connected, ...pending].filter(({ isDemo }) => !isDemo);
    return {
      connectionIds: connected.map(({ id }) => id),
      pending: pending.length,
      withingsUserIds: [...new Set(ofPersons.map(({ withingsUserId }) => withingsUserId))],
    };
  });

/**
 * Those of these Withings accounts that a user of any app is linked to: revoking one would end a connection that should
 * stay. The erased user counts too: their tokens are already deleted, so a link that exists now is newer.
 */
export const accountsInUse = (db: Db, withingsUserIds: readonly string[], now: EpochMs): StoreResult<Set<string>> =>
  tryD1(db, async () => {
    const { results } = await db.d1
      .prepare(
        `SELECT asked.value AS id FROM json_each(?1) AS asked
         WHERE EXISTS (SELECT 1 FROM connections AS c WHERE c.withings_user_id = asked.value
             AND c.state <> 'disconnected')
           OR EXISTS (SELECT 1 FROM pending_connections AS p WHERE p.withings_user_id = asked.value AND p.expires_at > ?2)`,
      )
      .bind(JSON.stringify(withingsUserIds), now)
      .all<{ id: string }>();
    return new Set(results.map(({ id }) => id));
  });

/** How many rows were deleted, and whether some stay because their connection was linked again. */
export type RemovedBodyData = {
  measurements: number;
  groups: number;
  sources: number;
  /** Combinations of kinds that the groups had. */
  kinds: number;
  relinked: boolean;
};

/**
 * Deletes the body data of disconnected connections, at most `most` rows of each table. One statement per table for all
 * of them, so that many connections with little data take no more calls than one. The position of each sync is reset
 * too: a connection that is linked again reads its history from the beginning.
 *
 * @returns what was deleted. Fewer than `most` of each, and none linked again, means that nothing is left
 */
export const deleteBodyData = (
  db: Db,
  connectionIds: readonly ConnectionId[],
  most: number,
): StoreResult<RemovedBodyData> =>
  tryD1(db, async () => {
    const ids = JSON.stringify(connectionIds);
    const [, ...results] = await db.d1.batch([
      db.d1.prepare(FORGET_POSITION).bind(ids),
      ...bodyDataDeletions(db, DISCONNECTED, ids, most),
      db.d1
        .prepare(
          `SELECT c.id FROM json_each(?1) AS wanted CROSS JOIN connections AS c ON c.id = wanted.value
           WHERE c.state <> 'disconnected' LIMIT 1`,
        )
        .bind(ids),
    ]);
    const [measurements = 0, groups = 0, sources = 0, kinds = 0] = countsIn(results);
    return { measurements, groups, sources, kinds, relinked: returnedRows(results.at(-1)) > 0 };
  });

const FORGET_POSITION = `
  UPDATE connections SET sync_cursor_seconds = 0, sync_resume = NULL, sync_history = NULL, history_complete_from = NULL, review_position = NULL, next_review_at = NULL, last_sync_at = NULL,
    last_sync_result = NULL, data_version = data_version + 1, timeline = '[]', activity = '{}'
  WHERE id IN (SELECT value FROM json_each(?1)) AND state = 'disconnected'
    AND (last_sync_at IS NOT NULL OR sync_cursor_seconds > 0 OR sync_resume IS NOT NULL OR sync_history IS NOT NULL)`;

/**
 * The connections of a list (`?1`) that are disconnected, and those that do not exist. Linked users keep their data.
 */
const DISCONNECTED = `json_each(?1) AS c CROSS JOIN connections AS d ON d.id = c.value AND d.state = 'disconnected' CROSS JOIN`;
const GONE = `(SELECT value FROM json_each(?1) AS gone WHERE NOT EXISTS (SELECT 1 FROM connections WHERE id = gone.value)) AS c CROSS JOIN`;

const bodyDataDeletions = (db: Db, of: string, ids: string, most: number): D1PreparedStatement[] =>
  (
    [
      ['measurements', ['connection_id', 'type', 'position', 'ambiguous', 'measured_seconds', 'group_id']],
      ['groups', ['connection_id', 'group_id']],
      ['sources', ['connection_id', 'id']],
      ['group_kinds', ['connection_id', 'id']],
    ] as const
  ).flatMap(([table, key]) => [
    db.d1
      .prepare(
        `DELETE FROM ${table} WHERE (${key.join(', ')}) IN
           (SELECT ${key.map((column) => `b.${column}`).join(', ')} FROM ${of} ${table} AS b ON b.connection_id = c.value LIMIT ?2)`,
      )
      .bind(ids, most),
    countChanges(db),
  ]);

/** How many rows each of `bodyDataDeletions` deleted. */
const countsIn = (results: readonly D1Result[]): number[] =>
  results.filter((_, index) => index % 2 === 1).map(changedRows);

/** How many connections one search for orphans reads: two rows each. */
const MAX_PROBED = 100;

/** After the last id comes the first, so every id is found equally often. */
const FIRST_OF_ALL = '(SELECT connection_id FROM measurements WHERE connection_id >= 0 ORDER BY connection_id LIMIT 1)';

const ORPHAN = `
  WITH RECURSIVE met (n, id) AS (
    SELECT 1, coalesce((SELECT connection_id FROM measurements WHERE connection_id >= ?1 ORDER BY connection_id LIMIT 1), ${FIRST_OF_ALL})
    UNION ALL
    SELECT n + 1, coalesce((SELECT connection_id FROM measurements WHERE connection_id > met.id ORDER BY connection_id LIMIT 1), ${FIRST_OF_ALL})
    FROM met WHERE id IS NOT NULL AND n < ${MAX_PROBED}
  )
  SELECT id FROM met WHERE id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM connections AS c WHERE c.id = met.id) LIMIT 1`;

/** A connection that does not exist although measurements of it are stored, of those with ids after `fromId`. */
export const findOrphan = (db: Db, fromId: number): StoreResult<ConnectionId | undefined> =>
  tryD1(db, async () => (await db.d1.prepare(ORPHAN).bind(fromId).first<ConnectionId>('id')) ?? undefined);

/** Deletes the body data of a connection that does not exist, at most `most` rows of each table. */
export const deleteOrphan = (db: Db, connectionId: ConnectionId, most: number): StoreResult<number> =>
  tryD1(db, async () => {
    const results = await db.d1.batch(bodyDataDeletions(db, GONE, JSON.stringify([connectionId]), most));
    return countsIn(results).reduce((sum, count) => sum + count, 0);
  });

/**
 * Deletes those of these connections that are disconnected and have no body data left, with `alongside` in one
 * transaction. One that was linked again stays, and so does one that was linked, synced and disconnected.
 *
 * @returns how many were deleted, and how many disconnected ones stay because they have data again
 */
export const deleteConnections = (
  db: Db,
  connectionIds: readonly ConnectionId[],
  alongside: D1PreparedStatement[],
): StoreResult<{ removed: number; refilled: number }> =>
  tryD1(db, async () => {
    const ids = JSON.stringify(connectionIds);
    const results = await db.d1.batch([
      floorStatement(db, connectionIds),
      db.d1.prepare(`DELETE FROM connections WHERE ${IS_EMPTY} RETURNING id`).bind(ids),
      ...alongside,
      db.d1
        .prepare(
          `SELECT c.id FROM json_each(?1) AS wanted CROSS JOIN connections AS c ON c.id = wanted.value WHERE c.state = 'disconnected'`,
        )
        .bind(ids),
    ]);
    rememberEventsToSend(db, results);
    return { removed: returnedRows(results[1]), refilled: returnedRows(results.at(-1)) };
  });

const IS_EMPTY = `id IN (SELECT value FROM json_each(?1)) AND state = 'disconnected'
  AND NOT EXISTS (SELECT 1 FROM measurements AS b WHERE b.connection_id = connections.id)
  AND NOT EXISTS (SELECT 1 FROM groups AS b WHERE b.connection_id = connections.id)
  AND NOT EXISTS (SELECT 1 FROM sources AS b WHERE b.connection_id = connections.id)
  AND NOT EXISTS (SELECT 1 FROM group_kinds AS b WHERE b.connection_id = connections.id)`;

/** Some of an app's users, including those of pending connections. */
export const someUsersOf = (db: Db, appId: AppId, most: number): StoreResult<UserId[]> =>
  tryD1(db, async () => {
    const { results } = await db.d1
      .prepare(
        `SELECT user_id FROM (SELECT DISTINCT user_id FROM connections WHERE app_id = ?1 LIMIT ?2)
         UNION SELECT user_id FROM (SELECT DISTINCT user_id FROM pending_connections WHERE app_id = ?1 LIMIT ?2)
         LIMIT ?2`,
      )
      .bind(appId, most)
      .all<{ user_id: UserId }>();
    return results.map(({ user_id: userId }) => userId);
  });

/**
 * Deletes an app without users: its keys, its redirect URIs, the marks of its erasures and the app itself, with
 * `alongside` in one transaction.
 */
export const deleteApp = (db: Db, appId: AppId, alongside: D1PreparedStatement[]): StoreResult<void> =>
  tryD1(db, async () => {
    await db.d1.batch([
      statement(db, db.orm.delete(apiKeys).where(eq(apiKeys.appId, appId))),
      statement(db, db.orm.delete(erasedUsers).where(eq(erasedUsers.appId, appId))),
      statement(db, db.orm.delete(redirectUris).where(eq(redirectUris.appId, appId))),
      forgetAppQuotaStatement(db, appId),
      ...webhookRemovalStatements(db, appId),
      statement(db, db.orm.delete(apps).where(eq(apps.id, appId))),
      ...alongside,
    ]);
  });
