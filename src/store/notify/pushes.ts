import { and, eq, gt, lte, sql } from 'drizzle-orm';

import type { ConnectionId } from '../../domain/connection-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import { countedRows, type Db, type StoreResult, tryD1, tryD1Idempotent, returnedRows } from '../d1.ts';
import { prepared, type Param } from '../prepared.ts';
import { subscriptions, waitingPushes } from '../schema/notify.ts';

/** Pushes that wait for a sync: a row a person, however many pushes and connections there are. */

const IS_CONNECTED = `EXISTS (SELECT 1 FROM connections WHERE withings_user_id = ?1 AND state = 'active')`;

/**
 * A push that arrives after the claim resets the row, because the running sync may have missed it. Raw SQL: the builder
 * has no select without a table.
 */
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
    if (returnedRows(noted) > 0) return 'noted';
    return connected?.results[0]?.connected === 1 ? 'waits' : 'not_connected';
  });

/**
 * A push whose sync this invocation makes, and the connections that are left to sync: those synced longest ago first.
 */
export type ClaimedPush = {
  pushedAt: EpochMs;
  refreshes: boolean;
  attempts: number;
  connections: { id: ConnectionId; tokenVersion: number }[];
};

export type PushClaim = { id: string; until: EpochMs };

const CLAIM = prepared((orm, param: Param<{ withingsUserId: string; claimId: string; until: EpochMs; now: EpochMs }>) =>
  orm
    .update(waitingPushes)
    .set({ claimId: param('claimId'), dueAt: param('until'), attempts: sql`${waitingPushes.attempts} + 1` })
    .where(and(eq(waitingPushes.withingsUserId, param('withingsUserId')), lte(waitingPushes.dueAt, param('now'))))
    .returning({
      pushedAt: waitingPushes.pushedAt,
      refreshes: waitingPushes.refreshes,
      attempts: waitingPushes.attempts,
    }),
);

/** Raw SQL: a list as rows (`json_each`). */
const CONNECTIONS_LEFT = `
  SELECT c.id, c.token_version AS tokenVersion FROM waiting_pushes AS w
  JOIN connections AS c ON c.withings_user_id = w.withings_user_id JOIN apps AS a ON a.id = c.app_id
  WHERE w.withings_user_id = ?1 AND c.state = 'active' AND a.disabled_at IS NULL
    AND (w.connections_left IS NULL OR c.id IN (SELECT value FROM json_each(w.connections_left)))
  ORDER BY c.last_sync_at`;

/** Claims a push that is due; undefined if there is none, or another invocation has it. */
export const claimPush = (
  db: Db,
  withingsUserId: string,
  claim: PushClaim,
  now: EpochMs,
): StoreResult<ClaimedPush | undefined> =>
  tryD1(db, async () => {
    const [claimed, connections] = await db.d1.batch([
      CLAIM.bind(db, { withingsUserId, claimId: claim.id, until: claim.until, now }),
      db.d1.prepare(CONNECTIONS_LEFT).bind(withingsUserId),
    ]);
    const [push] = CLAIM.rowsOf(claimed);
    return push && { ...push, connections: (connections?.results ?? []) as ClaimedPush['connections'] };
  });

const NOTE_LAST = prepared((orm, param: Param<{ withingsUserId: string; pushedAt: EpochMs }>) =>
  orm
    .update(subscriptions)
    .set({ lastPushAt: param('pushedAt') })
    .where(eq(subscriptions.withingsUserId, param('withingsUserId'))),
);

type Claimed = { withingsUserId: string; claimId: string };

const isClaimed = (param: Param<Claimed>) =>
  and(eq(waitingPushes.withingsUserId, param('withingsUserId')), eq(waitingPushes.claimId, param('claimId')));

const REMOVE = prepared((orm, param: Param<Claimed>) => orm.delete(waitingPushes).where(isClaimed(param)));

const RETURN = prepared((orm, param: Param<Claimed & { dueAt: EpochMs; left: string }>) =>
  orm
    .update(waitingPushes)
    .set({ claimId: null, dueAt: param('dueAt'), connectionsLeft: param('left') })
    .where(isClaimed(param)),
);

/** Ends a push whose sync is stored, unless another push came since. */
export const finishPush = (db: Db, withingsUserId: string, claim: PushClaim, pushedAt: EpochMs): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    await db.d1.batch([
      NOTE_LAST.bind(db, { withingsUserId, pushedAt }),
      REMOVE.bind(db, { withingsUserId, claimId: claim.id }),
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
    await RETURN.bind(db, { withingsUserId, claimId: claim.id, dueAt, left: JSON.stringify(left) }).run();
  });

/** Some people whose pushes are due. */
export const duePushes = (db: Db, now: EpochMs, limit: number): StoreResult<string[]> =>
  tryD1(db, async () => {
    const due = db.orm
      .select({ id: waitingPushes.withingsUserId })
      .from(waitingPushes)
      // Along the key: there are as many rows as people who wait.
      .where(and(gt(waitingPushes.withingsUserId, ''), lte(waitingPushes.dueAt, now)))
      .limit(limit);
    return (await countedRows(db, due)).map(({ id }) => id);
  });
