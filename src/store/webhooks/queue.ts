import { and, asc, eq, exists, isNull, lte } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import { returnedRows, statement, tryD1, tryD1Idempotent, type Db, type StoreResult } from '../d1.ts';
import { webhookEndpoints, webhookRetries } from '../schema/webhooks.ts';
import { isSendable, MAX_FRESH } from './deliveries.ts';

/** What the cron sends, and queueing events again. */

/** An invocation that recorded an event sends it itself. An older event was left by an invocation that was stopped. */
const LEFT_BEHIND_MS = 45_000;
/** How many endpoints one tick compares with their app's events. */
const MAX_COMPARED = 50;

/**
 * Whether an event `v` is a reason to run over an endpoint `e`: its filter lets it through, or its first list is full.
 * Without a readable filter it gets all.
 */
const IS_LEFT = `(v.type = 'webhook.test' OR v.seq > e.delivered_seq + ${MAX_FRESH}
  OR CASE WHEN json_valid(e.event_types) THEN v.type IN (SELECT value FROM json_each(e.event_types)) ELSE 1 END)`;

/**
 * Endpoints that the cron sends to: those that are due, by their index; and, of some random ones, those with an event
 * that was left. No mark is stored for these, because it would cost a row for each event.
 *
 * Raw SQL: a limit within a statement.
 *
 * @param drawn a text like an app's id: the endpoints after it are compared
 */
export const endpointsToSend = (
  db: Db,
  drawn: string,
  limit: number,
  now: EpochMs,
): StoreResult<{ appId: AppId; id: string }[]> =>
  tryD1(db, async () => {
    const compared = (condition: string) => `
      WITH e AS (SELECT app_id, id, event_types, delivered_seq, due_at, disabled_at FROM webhook_endpoints
        WHERE ${condition} ORDER BY app_id, id LIMIT ${MAX_COMPARED})
      SELECT e.app_id, e.id FROM e WHERE e.due_at IS NULL AND e.disabled_at IS NULL
        AND EXISTS (SELECT 1 FROM events AS v WHERE v.app_id = e.app_id AND v.seq > e.delivered_seq AND v.at < ?2
          AND ${IS_LEFT})
        AND EXISTS (SELECT 1 FROM apps AS a WHERE a.id = e.app_id AND a.disabled_at IS NULL)`;
    const [due, left, wrapped] = await db.d1.batch([
      statement(
        db,
        db.orm
          .select({ appId: webhookEndpoints.appId, id: webhookEndpoints.id })
          .from(webhookEndpoints)
          .where(and(lte(webhookEndpoints.dueAt, now), isSendable(db.orm, now)))
          .orderBy(asc(webhookEndpoints.dueAt))
          .limit(limit),
      ),
      db.d1.prepare(compared('app_id > ?1')).bind(drawn, now - LEFT_BEHIND_MS),
      db.d1.prepare(compared('app_id <= ?1')).bind(drawn, now - LEFT_BEHIND_MS),
    ]);
    const rows = [due, left, wrapped].flatMap((result) => (result?.results ?? []) as { app_id: AppId; id: string }[]);
    return rows.slice(0, limit).map((row) => ({ appId: row.app_id, id: row.id }));
  });

/**
 * Queues events of an app for an endpoint again, due at once: a range, or named ones. Raw SQL: it inserts what it
 * selects, and a list is one parameter (`json_each`).
 *
 * @returns how many were queued
 */
export const queueAgain = (
  db: Db,
  { appId, id }: { appId: AppId; id: string },
  which: { from: number; to: number } | { seqs: readonly number[] },
  limit: number,
  now: EpochMs,
): StoreResult<number> =>
  tryD1Idempotent(db, async () => {
    const [condition, ...values] =
      'seqs' in which
        ? ['v.seq IN (SELECT value FROM json_each(?5))', JSON.stringify(which.seqs)]
        : ['v.seq BETWEEN ?5 AND ?6', which.from, which.to];
    const waiting = db.orm
      .select({ seq: webhookRetries.seq })
      .from(webhookRetries)
      .where(eq(webhookRetries.endpointId, id));
    const [queued] = await db.d1.batch([
      db.d1
        .prepare(
          `INSERT INTO webhook_retries (endpoint_id, seq, failures, next_at)
           SELECT ?2, v.seq, 0, ?3 FROM events AS v WHERE v.app_id = ?1 AND ${condition} ORDER BY v.seq LIMIT ?4
           ON CONFLICT DO UPDATE SET next_at = excluded.next_at RETURNING seq`,
        )
        .bind(appId, id, now, limit, ...values),
      statement(
        db,
        db.orm
          .update(webhookEndpoints)
          .set({ dueAt: now })
          .where(
            and(
              eq(webhookEndpoints.appId, appId),
              eq(webhookEndpoints.id, id),
              isNull(webhookEndpoints.disabledAt),
              exists(waiting),
            ),
          ),
      ),
    ]);
    return returnedRows(queued);
  });
