import type { AppId } from '../../domain/app-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import { type Attempt, type DisabledReason, MAX_ATTEMPTS_KEPT, type Payload } from '../../domain/webhooks/endpoint.ts';
import type { EventType, StoredEvent } from '../../domain/webhooks/event.ts';
import { tryD1Idempotent, type Db, type StoreResult } from '../d1.ts';
import { EVENT_COLUMNS, EVENTS_WITH_USERS, eventOfRow } from './events.ts';
import { eventTypesOf } from './stored-values.ts';

/** The columns of an endpoint that sending needs. */
export type SendingEndpoint = {
  appId: AppId;
  id: string;
  url: string;
  eventTypes: EventType[] | undefined;
  payload: Payload;
  secretSealed: string;
  previousSecretSealed: string | undefined;
  previousSecretUntil: EpochMs | undefined;
  deliveredSeq: number;
  failingSince: EpochMs | undefined;
  failures: number;
};

/**
 * An event that an endpoint has not accepted yet. `failures` is 0 for one that only waits behind another of the same
 * user.
 */
export type Retry = { event: StoredEvent; failures: number; nextAt: EpochMs };

/** What waits for one endpoint. */
export type Waiting = {
  endpoint: SendingEndpoint;
  /** In the order of the events. */
  retries: Retry[];
  /** The first events after `deliveredSeq`. */
  fresh: StoredEvent[];
};

export const ENDPOINT_COLUMNS = `e.app_id, e.id, e.url, e.event_types, e.payload, e.secret_sealed, e.previous_secret_sealed,
  e.previous_secret_until, e.delivered_seq, e.failing_since, e.failures`;

export type EndpointRow = {
  app_id: AppId;
  id: string;
  url: string;
  event_types: string | null;
  payload: Payload;
  secret_sealed: string;
  previous_secret_sealed: string | null;
  previous_secret_until: number | null;
  delivered_seq: number;
  failing_since: number | null;
  failures: number;
};

export const endpointOfRow = (row: EndpointRow): SendingEndpoint => ({
  appId: row.app_id,
  id: row.id,
  url: row.url,
  eventTypes: eventTypesOf(row.event_types),
  payload: row.payload,
  secretSealed: row.secret_sealed,
  previousSecretSealed: row.previous_secret_sealed ?? undefined,
  previousSecretUntil: row.previous_secret_until ?? undefined,
  deliveredSeq: row.delivered_seq,
  failingSince: row.failing_since ?? undefined,
  failures: row.failures,
});

/** The right to send to one endpoint, until it is returned or ends. */
export type SendLease = { id: string; until: EpochMs };

/** How many events and retries one run reads. */
export const MAX_FRESH = 25;
export const MAX_RETRIES = 200;

export type EventRow = Parameters<typeof eventOfRow>[0];
export type WaitingRow = EventRow & { failures: number; next_at: number };

/**
 * What waits for an endpoint: one statement for retries, one for new events. Raw SQL: `CROSS JOIN` fixes the order of
 * the tables.
 */
const waitingStatements = (db: Db, { appId, id }: { appId: AppId; id: string }): D1PreparedStatement[] => [
  db.d1
    .prepare(
      `SELECT ${EVENT_COLUMNS}, r.failures, r.next_at FROM webhook_retries AS r
       CROSS JOIN ${EVENTS_WITH_USERS} WHERE r.endpoint_id = ?2 AND v.app_id = ?1 AND v.seq = r.seq ORDER BY r.seq LIMIT ${MAX_RETRIES}`,
    )
    .bind(appId, id),
  db.d1
    .prepare(
      `SELECT ${EVENT_COLUMNS} FROM webhook_endpoints AS e CROSS JOIN ${EVENTS_WITH_USERS}
       WHERE e.app_id = ?1 AND e.id = ?2 AND v.app_id = ?1 AND v.seq > e.delivered_seq ORDER BY v.seq LIMIT ${MAX_FRESH}`,
    )
    .bind(appId, id),
];

export const retryOfRow = (row: WaitingRow): Retry => ({
  event: eventOfRow(row),
  failures: row.failures,
  nextAt: row.next_at,
});

const waitingOf = (endpoint: EndpointRow, retries: D1Result | undefined, fresh: D1Result | undefined): Waiting => ({
  endpoint: endpointOfRow(endpoint),
  retries: ((retries?.results ?? []) as WaitingRow[]).map(retryOfRow),
  fresh: ((fresh?.results ?? []) as EventRow[]).map(eventOfRow),
});

/**
 * Takes the lease of an endpoint of a live app and reads what waits. Undefined if another run has the lease, or the
 * endpoint is disabled or deleted.
 */
export const takeSendLease = (
  db: Db,
  which: { appId: AppId; id: string },
  lease: SendLease,
  now: EpochMs,
): StoreResult<Waiting | undefined> =>
  tryD1Idempotent(db, async () => {
    const [taken, retries, fresh] = await db.d1.batch([
      db.d1
        .prepare(
          `UPDATE webhook_endpoints AS e SET lease_id = ?3, lease_until = ?4
           WHERE e.app_id = ?1 AND e.id = ?2 AND e.disabled_at IS NULL
             AND (e.lease_until IS NULL OR e.lease_until <= ?5 OR e.lease_id = ?3)
             AND EXISTS (SELECT 1 FROM apps AS a WHERE a.id = e.app_id AND a.disabled_at IS NULL)
           RETURNING ${ENDPOINT_COLUMNS.replaceAll('e.', '')}`,
        )
        .bind(which.appId, which.id, lease.id, lease.until, now),
      ...waitingStatements(db, which),
    ]);
    const [row] = (taken?.results ?? []) as EndpointRow[];
    return row === undefined ? undefined : waitingOf(row, retries, fresh);
  });

/** What a run changed. */
export type RunOutcome = {
  deliveredSeq: number;
  /** Retries that are finished: delivered, given up, or of erased users. */
  settled: readonly number[];
  /** Events that wait: new ones, and those whose time changed. */
  waiting: readonly { seq: number; failures: number; nextAt: EpochMs }[];
  attempts: readonly Attempt[];
  failingSince: EpochMs | undefined;
  failures: number;
  /** When the cron sends again; undefined if nothing waits. */
  dueAt: EpochMs | undefined;
  disabled: DisabledReason | undefined;
};

/**
 * Ends a run under a lease and releases the lease. Does nothing if the lease was lost: what was sent is then sent
 * again, and receivers recognize it by the event's id.
 */
export const finishSending = (
  db: Db,
  { appId, id }: { appId: AppId; id: string },
  lease: SendLease,
  outcome: RunOutcome,
  now: EpochMs,
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    const isHeld = `EXISTS (SELECT 1 FROM webhook_endpoints WHERE app_id = ?1 AND id = ?2 AND lease_id = ?3)`;
    const { settled, waiting } = outcome;
    await db.d1.batch([
      ...(settled.length === 0
        ? []
        : [
            db.d1
              .prepare(
                `DELETE FROM webhook_retries WHERE endpoint_id = ?2 AND seq IN (SELECT value FROM json_each(?4)) AND ${isHeld}`,
              )
              .bind(appId, id, lease.id, JSON.stringify(settled)),
          ]),
      ...(waiting.length === 0
        ? []
        : [
            db.d1
              .prepare(
                `INSERT INTO webhook_retries (endpoint_id, seq, failures, next_at)
                 SELECT ?2, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?4) WHERE ${isHeld}
                 ON CONFLICT DO UPDATE SET failures = excluded.failures, next_at = excluded.next_at`,
              )
              .bind(appId, id, lease.id, packWaiting(waiting)),
          ]),
      endpointStatement(db, { appId, id }, outcome, now, { text: 'lease_id = ?11', bound: lease.id }),
    ]);
  });

/** Records what a run changed, if a condition still holds. Raw SQL: it appends to the attempts, which are JSON. */
export const endpointStatement = (
  db: Db,
  { appId, id }: { appId: AppId; id: string },
  { deliveredSeq, attempts, failingSince, failures, dueAt, disabled }: Omit<RunOutcome, 'settled' | 'waiting'>,
  now: EpochMs,
  condition: { text: string; bound: string | number },
): D1PreparedStatement =>
  db.d1
    .prepare(
      `UPDATE webhook_endpoints SET delivered_seq = ?3, failing_since = ?4, failures = ?5,
         due_at = CASE WHEN ?7 IS NULL THEN ?6 END,
         disabled_at = CASE WHEN ?7 IS NULL THEN disabled_at ELSE ?8 END, disabled_reason = coalesce(?7, disabled_reason),
         attempts = (SELECT json_group_array(json(value)) FROM (
           SELECT value FROM (
             SELECT key AS place, value FROM json_each(webhook_endpoints.attempts)
             UNION ALL SELECT json_array_length(webhook_endpoints.attempts) + key, value FROM json_each(?9))
           WHERE place >= json_array_length(webhook_endpoints.attempts) + json_array_length(?9) - ?10 ORDER BY place)),
         lease_id = NULL, lease_until = NULL
       WHERE app_id = ?1 AND id = ?2 AND ${condition.text}
       RETURNING id`,
    )
    .bind(
      appId,
      id,
      deliveredSeq,
      failingSince ?? null,
      failures,
      dueAt ?? null,
      disabled ?? null,
      now,
      JSON.stringify(attempts),
      MAX_ATTEMPTS_KEPT,
      condition.bound,
    );

export const packWaiting = (waiting: RunOutcome['waiting']): string =>
  JSON.stringify(waiting.map(({ seq, failures, nextAt }) => [seq, failures, nextAt]));
