import { and, asc, eq, exists, gte, isNull, lte, or, sql } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import { DATA_LATELY_MS, type DueToPoll, USED_LATELY_MS } from '../../domain/poll.ts';
import { type EpochMs, SECOND_MS, toSeconds } from '../../domain/time.ts';
import { countedRows, type Db, statement, type StoreResult, tryD1, tryD1Idempotent } from '../d1.ts';
import { apps, connections } from '../schema/connections.ts';

/** The queue of connections that the cron polls, by `next_review_at`: a poll may review an older window too. */

export type DuePoll = DueToPoll & { connectionId: ConnectionId };

/** Connections that are due to be polled, those due longest first. */
export const duePolls = (db: Db, now: EpochMs, limit: number): StoreResult<DuePoll[]> =>
  tryD1(db, async () => {
    const liveApp = db.orm
      .select({ id: apps.id })
      .from(apps)
      .where(and(eq(apps.id, connections.appId), isNull(apps.disabledAt)));
    const due = db.orm
      .select({
        connectionId: connections.id,
        dueAt: sql<EpochMs>`${connections.nextReviewAt}`.as('due_at'),
        isPollable: sql`${and(eq(connections.state, 'active'), exists(liveApp))}`.mapWith(Boolean).as('is_pollable'),
        dataSeconds: connections.syncCursorSeconds,
        lastUsedAt: connections.lastUsedAt,
        lastSyncAt: connections.lastSyncAt,
        accessExpiresAt: connections.accessExpiresAt,
      })
      .from(connections)
      .where(lte(connections.nextReviewAt, now))
      .orderBy(asc(connections.nextReviewAt))
      .limit(limit);
    return (await countedRows(db, due)).map(({ dataSeconds, lastUsedAt, lastSyncAt, ...poll }) => ({
      ...poll,
      dataAt: dataSeconds * SECOND_MS,
      lastUsedAt: lastUsedAt ?? 0,
      lastSyncAt: lastSyncAt ?? 0,
    }));
  });

/** When a connection is due next; undefined if it waits for its next sync or refresh. */
export type NextPoll = { connectionId: ConnectionId; at: EpochMs | undefined };

/**
 * Sets when connections are due next, in one statement, and not for one that has ended. Raw SQL: a list as
 * one parameter (`json_each`).
 */
export const setNextPolls = (db: Db, next: readonly NextPoll[]): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    if (next.length === 0) return;
    await db.d1
      .prepare(
        `UPDATE connections SET next_review_at = turn.value ->> 1 FROM json_each(?1) AS turn
         WHERE connections.id = turn.value ->> 0 AND (next_review_at IS NOT NULL OR state = 'active')`,
      )
      .bind(JSON.stringify(next.map(({ connectionId, at }) => [connectionId, at ?? null])))
      .run();
  });

/**
 * Makes an app's live connections due that have recent data and left the queue while the app was disabled. Up to 2 rows
 * each.
 */
export const pollAppStatement = (db: Db, appId: AppId, now: EpochMs): D1PreparedStatement => {
  const isLively = or(
    gte(connections.syncCursorSeconds, toSeconds(now - DATA_LATELY_MS)),
    gte(connections.lastUsedAt, now - USED_LATELY_MS),
  );
  return statement(
    db,
    db.orm
      .update(connections)
      .set({ nextReviewAt: now })
      .where(
        and(
          eq(connections.appId, appId),
          eq(connections.state, 'active'),
          eq(connections.isCurrent, true),
          isNull(connections.nextReviewAt),
          isLively,
        ),
      ),
  );
};
