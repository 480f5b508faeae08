import { and, asc, eq, gt, sql } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { EVENTS_KEPT_MS, type EventDetail, type EventType, type StoredEvent } from '../../domain/webhooks/event.ts';
import { countedRows, tryD1, type Db, type StoreResult } from '../d1.ts';
import { connections } from '../schema/connections.ts';
import { events } from '../schema/webhooks.ts';
import { answersStatement } from './answers.ts';
import { eventDetailOf, eventTypeOf } from './stored-values.ts';

/** An event to record. It is about a connection, or about a user who has none any more. */
export type NewEvent = {
  appId: AppId;
  id: string;
  type: EventType;
  connectionId?: ConnectionId;
  userId?: UserId;
  at: EpochMs;
  detail?: EventDetail;
};

/** The next sequence number of an app `a`: one lookup at the end of the key. The newest event is never deleted. */
const NEXT_SEQ = `(SELECT coalesce(max(v.seq), 0) + 1 FROM events AS v WHERE v.app_id = a.id)`;

/**
 * The statement that records an event. Put it in one batch with the change, directly after the statement that makes it
 * or after that one's audit entry. It inserts only if that statement changed a row. For apps without webhooks it writes
 * nothing.
 */
export const eventStatement = (db: Db, event: NewEvent): D1PreparedStatement =>
  insertEvent(db, event, { type: '?3', condition: 'changes() > 0' });

/**
 * The statement that records an activation: a connection is created or, if it had lost its tokens, restored. Put it
 * before the activation, which changes what this statement reads. Renewing a working connection is not an event.
 */
export const activationEventStatement = (
  db: Db,
  event: NewEvent & { connectionId: ConnectionId },
): D1PreparedStatement =>
  insertEvent(db, event, {
    type: `CASE WHEN EXISTS (SELECT 1 FROM connections WHERE id = ?4) THEN 'connection.restored' ELSE ?3 END`,
    condition: `NOT EXISTS (SELECT 1 FROM connections WHERE id = ?4 AND state = 'active' AND is_current = 1)`,
  });

/**
 * The statement that records a disconnect. Put it directly after the statement that disconnects. It names the
 * connection and not the user, so an erasure removes the person from it.
 */
export const disconnectEventStatement = (db: Db, event: NewEvent & { userId: UserId }): D1PreparedStatement =>
  insertEvent(db, event, {
    type: '?3',
    condition: 'changes() > 0',
    connectionId: '(SELECT id FROM connections WHERE app_id = ?1 AND user_id = ?5 AND is_current = 1)',
    userId: 'NULL',
  });

/** The statement that records that nothing of a user is left. Put it after the statement that deletes the last row. */
export const erasedEventStatement = (db: Db, event: NewEvent & { userId: UserId }): D1PreparedStatement =>
  insertEvent(db, event, {
    type: '?3',
    condition: 'NOT EXISTS (SELECT 1 FROM connections WHERE app_id = ?1 AND user_id = ?5)',
  });

/** Raw SQL: the number and the conditions are found in the statement that inserts. */
const insertEvent = (
  db: Db,
  { appId, id, type, connectionId, userId, at, detail = {} }: NewEvent,
  sql: { type: string; condition: string; connectionId?: string; userId?: string },
): D1PreparedStatement =>
  db.d1
    .prepare(
      `INSERT INTO events (app_id, seq, id, type, connection_id, user_id, at, detail)
       SELECT a.id, ${NEXT_SEQ}, ?2, ${sql.type}, ${sql.connectionId ?? '?4'}, ${sql.userId ?? '?5'}, ?6, ?7 FROM apps AS a
       WHERE a.id = ?1 AND a.records_events = 1 AND ${sql.condition}
       RETURNING app_id, seq`,
    )
    .bind(appId, id, type, connectionId ?? null, userId ?? null, at, JSON.stringify(detail));

/** The row that `insertEvent` returns. */
type Recorded = { app_id: AppId; seq: number };

/** Remembers what a batch recorded, so that the end of the invocation sends it. */
export const rememberEventsToSend = (db: Db, results: readonly (D1Result | undefined)[]): void => {
  for (const { app_id: appId, seq } of results.flatMap((result) => (result?.results ?? []) as Partial<Recorded>[])) {
    if (appId !== undefined && seq !== undefined && !db.recorded.has(appId)) db.recorded.set(appId, seq);
  }
};

/** Records an event without another change. Returns whether the app records events. */
export const addEvent = (db: Db, event: NewEvent): StoreResult<boolean> =>
  tryD1(db, async () => {
    const result = await insertEvent(db, event, { type: '?3', condition: '1' }).run();
    rememberEventsToSend(db, [result]);
    return result.results.length > 0;
  });

/** The columns of an event, for a query that joins the connection that it is about. */
export const eventColumns = {
  appId: events.appId,
  seq: events.seq,
  id: events.id,
  type: events.type,
  connectionId: events.connectionId,
  userId: sql<UserId | null>`coalesce(${events.userId}, ${connections.userId})`.as('about_user_id'),
  at: events.at,
  detail: events.detail,
};

export const isOfEvent = eq(connections.id, events.connectionId);

export type EventRow = typeof events.$inferSelect;

export const eventOfRow = ({ appId, seq, id, type, connectionId, userId, at, detail }: EventRow): StoredEvent => ({
  appId,
  seq,
  id,
  type: eventTypeOf(type),
  connectionId: connectionId ?? undefined,
  userId: userId ?? undefined,
  at,
  detail: eventDetailOf(detail),
});

/** Events of an app after a sequence number. Reads two rows for each. Those about erased people are left out. */
export const eventsAfter = (
  db: Db,
  appId: AppId,
  afterSeq: number,
  limit: number,
): StoreResult<{ events: StoredEvent[]; reachedSeq: number; hasMore: boolean }> =>
  tryD1(db, async () => {
    const following = db.orm
      .select(eventColumns)
      .from(events)
      .leftJoin(connections, isOfEvent)
      .where(and(eq(events.appId, appId), gt(events.seq, afterSeq)))
      .orderBy(asc(events.seq))
      .limit(limit + 1);
    const rows = await countedRows(db, following);
    const page = rows.slice(0, limit).map(eventOfRow);
    return {
      events: page.filter(({ userId, type }) => userId !== undefined && type !== 'webhook.test'),
      reachedSeq: page.at(-1)?.seq ?? afterSeq,
      hasMore: rows.length > limit,
    };
  });

const MAX_SWEPT = 1_000;
/** How many apps one sweep looks at: twelve rows each. */
const MAX_VISITED = 20;

/** The first of some apps, after a drawn id, whose oldest event has expired. After the last app comes the first. */
const APP_TO_SWEEP = `
  WITH RECURSIVE visited (app_id) AS (
    SELECT coalesce((SELECT min(app_id) FROM events WHERE app_id > ?1), (SELECT min(app_id) FROM events))
    UNION SELECT coalesce((SELECT min(app_id) FROM events WHERE app_id > visited.app_id), (SELECT min(app_id) FROM events))
    FROM visited LIMIT ${MAX_VISITED})
  SELECT app_id FROM visited
  WHERE (SELECT v.at FROM events AS v WHERE v.app_id = visited.app_id ORDER BY v.seq LIMIT 1) < ?2 LIMIT 1`;

/**
 * Deletes expired events of one app, and what its endpoints answered that long ago. The newest event of an app stays,
 * because the next sequence number is derived from it. If it has expired too, it names no one any more, and its time is
 * that of the sweep. So each app is swept once a week at least. Raw SQL: the builder has no row values.
 *
 * @param drawn a text like an app's id: the search begins after it
 */
export const sweepEvents = (db: Db, drawn: string, now: EpochMs): StoreResult<void> =>
  tryD1(db, async () => {
    const expiredAt = now - EVENTS_KEPT_MS;
    const newestOf = (of: string) => `(SELECT max(n.seq) FROM events AS n WHERE n.app_id = ${of}.app_id)`;
    await db.d1.batch([
      // First: after the others another app is found.
      answersStatement(db, { text: `(${APP_TO_SWEEP})`, bound: drawn }, expiredAt),
      db.d1
        .prepare(
          `WITH oldest AS (
             SELECT v.app_id, v.seq, v.at FROM events AS v WHERE v.app_id = (${APP_TO_SWEEP}) ORDER BY v.seq LIMIT ${MAX_SWEPT})
           DELETE FROM events WHERE (app_id, seq) IN (
             SELECT app_id, seq FROM oldest WHERE at < ?2 AND seq < ${newestOf('oldest')})`,
        )
        .bind(drawn, expiredAt),
      db.d1
        .prepare(
          `UPDATE events AS v SET user_id = NULL, connection_id = NULL, detail = '{}', at = ?3
           WHERE v.app_id = (${APP_TO_SWEEP}) AND v.seq = ${newestOf('v')} AND v.at < ?2`,
        )
        .bind(drawn, expiredAt, now),
    ]);
  });
