import { and, asc, eq, exists, gt, isNull, lte, or, type SQL } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { Payload } from '../../domain/webhooks/endpoint.ts';
import type { EventType, StoredEvent } from '../../domain/webhooks/event.ts';
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

/**
 * Whether a run may send to an endpoint. The cron's queue asks the same as the lease, so nothing that the lease refuses
 * takes a place in the queue.
 *
 * @param leaseId a lease that is no obstacle
 */
export const isSendable = (orm: Db['orm'], now: EpochMs | SQL<EpochMs>, leaseId?: SQL<string>) =>
  and(
    isNull(webhookEndpoints.disabledAt),
    or(
      isNull(webhookEndpoints.leaseUntil),
      lte(webhookEndpoints.leaseUntil, now),
      leaseId && eq(webhookEndpoints.leaseId, leaseId),
    ),
    exists(
      orm
        .select({ id: apps.id })
        .from(apps)
        .where(and(eq(apps.id, webhookEndpoints.appId), isNull(apps.disabledAt))),
    ),
  );

/** If the run ends without a word, the endpoint is due again after those that were due before. */
const TAKE_LEASE = prepared((orm, param: Param<Which & { leaseId: string; until: EpochMs; now: EpochMs }>) =>
  orm
    .update(webhookEndpoints)
    .set({ leaseId: param('leaseId'), leaseUntil: param('until'), dueAt: param('until') })
    .where(and(isEndpoint(param), isSendable(orm, param('now'), param('leaseId'))))
    .returning(sendingColumns),
);

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
