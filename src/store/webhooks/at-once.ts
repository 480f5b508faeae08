import { and, asc, eq, gt, isNull, lte, min, or } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { type Param, prepared } from '../prepared.ts';
import { apps, connections } from '../schema/connections.ts';
import { events, webhookEndpoints, webhookRetries } from '../schema/webhooks.ts';
import {
  endpointOfRow,
  endpointStatement,
  MAX_FRESH,
  MAX_RETRIES,
  packWaiting,
  retryColumns,
  retryOfRow,
  type RunOutcome,
  type SendingEndpoint,
  sendingColumns,
  type Waiting,
} from './deliveries.ts';
import { eventColumns, eventOfRow, isOfEvent } from './events.ts';

/** Sending by the invocation that recorded an event. It takes no lease. */

type Idle = { appId: AppId; maxFailures: number; now: EpochMs };

const isIdle = (param: Param<Idle>) =>
  and(
    eq(webhookEndpoints.appId, param('appId')),
    isNull(webhookEndpoints.disabledAt),
    lte(webhookEndpoints.failures, param('maxFailures')),
    or(isNull(webhookEndpoints.leaseUntil), lte(webhookEndpoints.leaseUntil, param('now'))),
    or(isNull(webhookEndpoints.dueAt), gt(webhookEndpoints.dueAt, param('now'))),
  );

const ENDPOINTS = prepared((orm, param: Param<Idle>) =>
  orm
    .select(sendingColumns)
    .from(webhookEndpoints)
    .innerJoin(apps, eq(apps.id, webhookEndpoints.appId))
    .where(and(isIdle(param), isNull(apps.disabledAt))),
);

/** `CROSS JOIN` keeps the order of the tables. */
const RETRIES = prepared((orm, param: Param<Idle>) =>
  orm
    .select({ ...retryColumns, endpointId: webhookRetries.endpointId })
    .from(webhookEndpoints)
    .crossJoin(webhookRetries)
    .crossJoin(events)
    .leftJoin(connections, isOfEvent)
    .where(
      and(
        isIdle(param),
        eq(webhookRetries.endpointId, webhookEndpoints.id),
        eq(events.appId, param('appId')),
        eq(events.seq, webhookRetries.seq),
      ),
    )
    .orderBy(asc(webhookRetries.endpointId), asc(webhookRetries.seq))
    .limit(MAX_RETRIES),
);

const FRESH = prepared((orm, param: Param<Idle>) => {
  const firstDelivered = orm
    .select({ seq: min(webhookEndpoints.deliveredSeq) })
    .from(webhookEndpoints)
    .where(isIdle(param));
  return orm
    .select(eventColumns)
    .from(events)
    .leftJoin(connections, isOfEvent)
    .where(and(eq(events.appId, param('appId')), gt(events.seq, firstDelivered)))
    .orderBy(asc(events.seq))
    .limit(MAX_FRESH);
});

/**
 * Endpoints of an app that no run sends to at present, with what waits for each. Nothing is written: see
 * `finishAtOnce`. The cron sends to an endpoint that is due, so a receiver that works again gets waiting events at the
 * cron's pace.
 *
 * @param maxFailures endpoints that have refused more events in a row are left out: their receiver is down
 */
export const idleEndpoints = (db: Db, appId: AppId, maxFailures: number, now: EpochMs): StoreResult<Waiting[]> =>
  tryD1(db, async () => {
    const idle = { appId, maxFailures, now };
    const [endpoints, retries, fresh] = await db.d1.batch(
      [ENDPOINTS, RETRIES, FRESH].map((read) => read.bind(db, idle)),
    );
    const waiting = RETRIES.rowsOf(retries);
    const following = FRESH.rowsOf(fresh).map(eventOfRow);
    return ENDPOINTS.rowsOf(endpoints).map((row) => ({
      endpoint: endpointOfRow(row),
      retries: waiting.filter(({ endpointId }) => endpointId === row.id).map(retryOfRow),
      fresh: following.filter(({ seq }) => seq > row.deliveredSeq),
    }));
  });

/**
 * Ends a run without a lease, if the endpoint is as it was read. So a usual event costs one row here and none for a
 * lease. Raw SQL: a list as one parameter (`json_each`).
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
