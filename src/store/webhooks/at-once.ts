import type { AppId } from '../../domain/app-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import {
  ENDPOINT_COLUMNS,
  endpointOfRow,
  type EndpointRow,
  endpointStatement,
  type EventRow,
  MAX_FRESH,
  MAX_RETRIES,
  packWaiting,
  retryOfRow,
  type RunOutcome,
  type SendingEndpoint,
  type Waiting,
  type WaitingRow,
} from './deliveries.ts';
import { EVENT_COLUMNS, EVENTS_WITH_USERS, eventOfRow } from './events.ts';

/**
 * Sending by the invocation that recorded an event. It takes no lease. Raw SQL: `CROSS JOIN` fixes the order of the
 * tables.
 */

/**
 * Endpoints of an app that no run sends to at present, with what waits for each. Nothing is written: see
 * `finishAtOnce`. The cron sends to an endpoint that is due, so a receiver that works again gets waiting events at the
 * cron's pace.
 *
 * @param maxFailures endpoints that have refused more events in a row are left out: their receiver is down
 */
export const idleEndpoints = (db: Db, appId: AppId, maxFailures: number, now: EpochMs): StoreResult<Waiting[]> =>
  tryD1(db, async () => {
    const isIdle = `e.app_id = ?1 AND e.disabled_at IS NULL AND e.failures <= ?2 AND (e.lease_until IS NULL OR e.lease_until <= ?3)
      AND (e.due_at IS NULL OR e.due_at > ?3)`;
    const [endpoints, retries, fresh] = await db.d1.batch(
      [
        db.d1.prepare(
          `SELECT ${ENDPOINT_COLUMNS} FROM webhook_endpoints AS e JOIN apps AS a ON a.id = e.app_id
         WHERE ${isIdle} AND a.disabled_at IS NULL`,
        ),
        db.d1.prepare(
          `SELECT ${EVENT_COLUMNS}, r.endpoint_id, r.failures, r.next_at FROM webhook_endpoints AS e
         CROSS JOIN webhook_retries AS r ON r.endpoint_id = e.id CROSS JOIN ${EVENTS_WITH_USERS}
         WHERE ${isIdle} AND v.app_id = ?1 AND v.seq = r.seq ORDER BY r.endpoint_id, r.seq LIMIT ${MAX_RETRIES}`,
        ),
        db.d1.prepare(
          `SELECT ${EVENT_COLUMNS} FROM ${EVENTS_WITH_USERS} WHERE v.app_id = ?1 AND v.seq > (
           SELECT min(e.delivered_seq) FROM webhook_endpoints AS e WHERE ${isIdle}) ORDER BY v.seq LIMIT ${MAX_FRESH}`,
        ),
      ].map((statement) => statement.bind(appId, maxFailures, now)),
    );
    const waiting = (retries?.results ?? []) as (WaitingRow & { endpoint_id: string })[];
    const events = ((fresh?.results ?? []) as EventRow[]).map(eventOfRow);
    return ((endpoints?.results ?? []) as EndpointRow[]).map((row) => ({
      endpoint: endpointOfRow(row),
      retries: waiting.filter(({ endpoint_id: id }) => id === row.id).map(retryOfRow),
      fresh: events.filter(({ seq }) => seq > row.delivered_seq),
    }));
  });

/**
 * Ends a run without a lease, if the endpoint is as it was read. So a usual event costs one row here and none for a
 * lease.
 *
 * @returns false if another run came first
 */
export const finishAtOnce = (
  db: Db,
  endpoint: SendingEndpoint,
  outcome: RunOutcome,
  now: EpochMs,
): StoreResult<boolean> =>
  tryD1(db, async () => {
    const unchanged = { text: 'lease_id IS NULL AND delivered_seq = ?11', bound: endpoint.deliveredSeq };
    const { waiting } = outcome;
    const [finished] = await db.d1.batch([
      endpointStatement(db, endpoint, outcome, now, unchanged),
      ...(waiting.length === 0
        ? []
        : [
            db.d1
              .prepare(
                `INSERT INTO webhook_retries (endpoint_id, seq, failures, next_at)
                 SELECT ?1, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?2) WHERE changes() > 0
                 ON CONFLICT DO UPDATE SET failures = excluded.failures, next_at = excluded.next_at`,
              )
              .bind(endpoint.id, packWaiting(waiting)),
          ]),
    ]);
    return (finished?.results.length ?? 0) > 0;
  });
