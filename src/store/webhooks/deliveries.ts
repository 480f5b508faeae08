import { and, asc, eq, exists, gt, isNull, lte, or } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { Attempt, DisabledReason, Payload } from '../../domain/webhooks/endpoint.ts';
import type { EventType, StoredEvent } from '../../domain/webhooks/event.ts';
import { MAX_ATTEMPTS_KEPT } from '../../domain/webhooks/limits.ts';
import { tryD1Idempotent, type Db, type StoreResult } from '../d1.ts';
import { type Param, prepared } from '../prepared.ts';
import { apps, connections } from '../schema/connections.ts';
import { events, webhookEndpoints, webhookRetries } from '../schema/webhooks.ts';
import { eventColumns, eventOfRow, type EventRow, isOfEvent } from './events.ts';
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

export const sendingColumns = {
  appId: webhookEndpoints.appId,
  id: webhookEndpoints.id,
  url: webhookEndpoints.url,
  eventTypes: webhookEndpoints.eventTypes,
  payload: webhookEndpoints.payload,
  secretSealed: webhookEndpoints.secretSealed,
  previousSecretSealed: webhookEndpoints.previousSecretSealed,
  previousSecretUntil: webhookEndpoints.previousSecretUntil,
  deliveredSeq: webhookEndpoints.deliveredSeq,
  failingSince: webhookEndpoints.failingSince,
  failures: webhookEndpoints.failures,
};

export const endpointOfRow = (
  row: Pick<typeof webhookEndpoints.$inferSelect, keyof typeof sendingColumns>,
): SendingEndpoint => ({
  ...row,
  eventTypes: eventTypesOf(row.eventTypes),
  previousSecretSealed: row.previousSecretSealed ?? undefined,
  previousSecretUntil: row.previousSecretUntil ?? undefined,
  failingSince: row.failingSince ?? undefined,
});

/** The right to send to one endpoint, until it is returned or ends. */
export type SendLease = { id: string; until: EpochMs };

/** How many events and retries one run reads. */
export const MAX_FRESH = 25;
export const MAX_RETRIES = 200;

export const retryColumns = { ...eventColumns, failures: webhookRetries.failures, nextAt: webhookRetries.nextAt };

export const retryOfRow = (row: EventRow & { failures: number; nextAt: EpochMs }): Retry => ({
  event: eventOfRow(row),
  failures: row.failures,
  nextAt: row.nextAt,
});

type Which = { appId: AppId; id: string };

const isEndpoint = (param: Param<Which>) =>
  and(eq(webhookEndpoints.appId, param('appId')), eq(webhookEndpoints.id, param('id')));

const TAKE_LEASE = prepared((orm, param: Param<Which & { leaseId: string; until: EpochMs; now: EpochMs }>) => {
  const liveApp = orm
    .select({ id: apps.id })
    .from(apps)
    .where(and(eq(apps.id, webhookEndpoints.appId), isNull(apps.disabledAt)));
  const isFree = or(
    isNull(webhookEndpoints.leaseUntil),
    lte(webhookEndpoints.leaseUntil, param('now')),
    eq(webhookEndpoints.leaseId, param('leaseId')),
  );
  return orm
    .update(webhookEndpoints)
    .set({ leaseId: param('leaseId'), leaseUntil: param('until') })
    .where(and(isEndpoint(param), isNull(webhookEndpoints.disabledAt), isFree, exists(liveApp)))
    .returning(sendingColumns);
});

/** `CROSS JOIN` keeps the order of the tables (SQLite, "Manual Control Of Query Plans Using CROSS JOIN"). */
const RETRIES = prepared((orm, param: Param<Which>) =>
  orm
    .select(retryColumns)
    .from(webhookRetries)
    .crossJoin(events)
    .leftJoin(connections, isOfEvent)
    .where(
      and(
        eq(webhookRetries.endpointId, param('id')),
        eq(events.appId, param('appId')),
        eq(events.seq, webhookRetries.seq),
      ),
    )
    .orderBy(asc(webhookRetries.seq))
    .limit(MAX_RETRIES),
);

const FRESH = prepared((orm, param: Param<Which>) =>
  orm
    .select(eventColumns)
    .from(webhookEndpoints)
    .crossJoin(events)
    .leftJoin(connections, isOfEvent)
    .where(and(isEndpoint(param), eq(events.appId, param('appId')), gt(events.seq, webhookEndpoints.deliveredSeq)))
    .orderBy(asc(events.seq))
    .limit(MAX_FRESH),
);

/**
 * Takes the lease of an endpoint of a live app and reads what waits. Undefined if another run has the lease, or the
 * endpoint is disabled or deleted.
 */
export const takeSendLease = (db: Db, which: Which, lease: SendLease, now: EpochMs): StoreResult<Waiting | undefined> =>
  tryD1Idempotent(db, async () => {
    const [taken, retries, fresh] = await db.d1.batch([
      TAKE_LEASE.bind(db, { ...which, leaseId: lease.id, until: lease.until, now }),
      RETRIES.bind(db, which),
      FRESH.bind(db, which),
    ]);
    const [endpoint] = TAKE_LEASE.rowsOf(taken);
    return (
      endpoint && {
        endpoint: endpointOfRow(endpoint),
        retries: RETRIES.rowsOf(retries).map(retryOfRow),
        fresh: FRESH.rowsOf(fresh).map(eventOfRow),
      }
    );
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
