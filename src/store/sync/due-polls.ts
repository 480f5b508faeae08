import type { ConnectionId } from '../../domain/connection-id.ts';
import type { DueToPoll } from '../../domain/poll.ts';
import { type EpochMs, SECOND_MS } from '../../domain/time.ts';
import { type Db, type StoreResult, tryD1, tryD1Idempotent } from '../d1.ts';

/** The queue of connections that the cron polls, by `next_review_at`: a poll may review an older window too. */

export type DuePoll = DueToPoll & { connectionId: ConnectionId };

type Row = {
  id: ConnectionId;
  due_at: number;
  pollable: number;
  data_seconds: number;
  last_used_at: number;
  last_sync_at: number;
  access_expires_at: number;
};

/** Connections that are due to be polled, those due longest first. */
export const duePolls = (db: Db, now: EpochMs, limit: number): StoreResult<DuePoll[]> =>
  tryD1(db, async () => {
    const { results } = await db.d1
      .prepare(
        `SELECT id, next_review_at AS due_at, sync_cursor_seconds AS data_seconds, access_expires_at,
           coalesce(last_used_at, 0) AS last_used_at, coalesce(last_sync_at, 0) AS last_sync_at,
           state = 'active' AND EXISTS (SELECT 1 FROM apps WHERE apps.id = app_id AND disabled_at IS NULL) AS pollable
         FROM connections WHERE next_review_at <= ?1 ORDER BY next_review_at LIMIT ?2`,
      )
      .bind(now, limit)
      .all<Row>();
    return results.map((row) => ({
      connectionId: row.id,
      dueAt: row.due_at,
      isPollable: row.pollable === 1,
      dataAt: row.data_seconds * SECOND_MS,
      lastUsedAt: row.last_used_at,
      lastSyncAt: row.last_sync_at,
      accessExpiresAt: row.access_expires_at,
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
