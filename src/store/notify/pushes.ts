import type { ConnectionId } from '../../domain/connection-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import { type Db, type StoreResult, tryD1, tryD1Idempotent } from '../d1.ts';

/** Pushes that wait for a sync: a row a person, however many pushes and connections there are. */

const IS_CONNECTED = `EXISTS (SELECT 1 FROM connections WHERE withings_user_id = ?1 AND state = 'active')`;

/** A push that arrives after the claim resets the row, because the running sync may have missed it. */
const NOTE = `
  INSERT INTO waiting_pushes (withings_user_id, pushed_at, due_at, refreshes, claim_id, attempts)
  SELECT ?1, ?2, ?3, ?4, NULL, 0 WHERE ${IS_CONNECTED}
  ON CONFLICT (withings_user_id) DO UPDATE SET pushed_at = ?2, due_at = ?3, refreshes = max(refreshes, ?4), claim_id = NULL, attempts = 0,
    connections_left = NULL
  WHERE claim_id IS NOT NULL OR refreshes < ?4 OR connections_left IS NOT NULL
  RETURNING 1 AS noted`;

/** What became of a push: noted now, covered by one that waits, or about a person without a connection. */
export type NotedPush = 'noted' | 'waits' | 'not_connected';

/** Notes a push: at most one row, and none if one waits. */
export const recordPush = (
  db: Db,
  withingsUserId: string,
  { refreshes, dueAt }: { refreshes: boolean; dueAt: EpochMs },
  now: EpochMs,
): StoreResult<NotedPush> =>
  tryD1(db, async () => {
    const [noted, connected] = await db.d1.batch<{ connected: number }>([
      db.d1.prepare(NOTE).bind(withingsUserId, now, dueAt, Number(refreshes)),
      db.d1.prepare(`SELECT ${IS_CONNECTED} AS connected`).bind(withingsUserId),
    ]);
    if ((noted?.results.length ?? 0) > 0) return 'noted';
    return connected?.results[0]?.connected === 1 ? 'waits' : 'not_connected';
  });

/** A push whose sync this invocation makes, and the connections that are left to sync: those synced longest ago first. */
export type ClaimedPush = {
  pushedAt: EpochMs;
  refreshes: boolean;
  attempts: number;
  connections: { id: ConnectionId; tokenVersion: number }[];
};

export type PushClaim = { id: string; until: EpochMs };

/** Claims a push that is due; undefined if there is none, or another invocation has it. */
export const claimPush = (
  db: Db,
  withingsUserId: string,
  claim: PushClaim,
  now: EpochMs,
): StoreResult<ClaimedPush | undefined> =>
  tryD1(db, async () => {
    const [claimed, connections] = await db.d1.batch([
      db.d1
        .prepare(
          `UPDATE waiting_pushes SET claim_id = ?2, due_at = ?3, attempts = attempts + 1
           WHERE withings_user_id = ?1 AND due_at <= ?4 RETURNING pushed_at, refreshes, attempts`,
        )
        .bind(withingsUserId, claim.id, claim.until, now),
      db.d1
        .prepare(
          `SELECT c.id, c.token_version AS tokenVersion FROM waiting_pushes AS w
           JOIN connections AS c ON c.withings_user_id = w.withings_user_id JOIN apps AS a ON a.id = c.app_id
           WHERE w.withings_user_id = ?1 AND c.state = 'active' AND a.disabled_at IS NULL
             AND (w.connections_left IS NULL OR c.id IN (SELECT value FROM json_each(w.connections_left)))
           ORDER BY c.last_sync_at`,
        )
        .bind(withingsUserId),
    ]);
    const [row] = (claimed?.results ?? []) as { pushed_at: number; refreshes: number; attempts: number }[];
    if (row === undefined) return undefined;
    return {
      pushedAt: row.pushed_at,
      refreshes: row.refreshes === 1,
      attempts: row.attempts,
      connections: (connections?.results ?? []) as ClaimedPush['connections'],
    };
  });

/** Ends a push whose sync is stored, unless another push came since. */
export const finishPush = (db: Db, withingsUserId: string, claim: PushClaim, pushedAt: EpochMs): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    await db.d1.batch([
      db.d1
        .prepare('UPDATE subscriptions SET last_push_at = ?2 WHERE withings_user_id = ?1')
        .bind(withingsUserId, pushedAt),
      db.d1
        .prepare('DELETE FROM waiting_pushes WHERE withings_user_id = ?1 AND claim_id = ?2')
        .bind(withingsUserId, claim.id),
    ]);
  });

/** Puts a push back some of whose syncs failed: those connections are left. */
export const returnPush = (
  db: Db,
  withingsUserId: string,
  claim: PushClaim,
  { dueAt, left }: { dueAt: EpochMs; left: readonly ConnectionId[] },
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    await db.d1
      .prepare(
        `UPDATE waiting_pushes SET claim_id = NULL, due_at = ?3, connections_left = ?4
         WHERE withings_user_id = ?1 AND claim_id = ?2`,
      )
      .bind(withingsUserId, claim.id, dueAt, JSON.stringify(left))
      .run();
  });

/** Some people whose pushes are due. */
export const duePushes = (db: Db, now: EpochMs, limit: number): StoreResult<string[]> =>
  tryD1(db, async () => {
    const { results } = await db.d1
      .prepare(
        `SELECT withings_user_id AS id FROM waiting_pushes WHERE withings_user_id > '' AND due_at <= ?1 LIMIT ?2`,
      )
      .bind(now, limit)
      .all<{ id: string }>();
    return results.map(({ id }) => id);
  });
