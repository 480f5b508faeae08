import { and, asc, eq, gt, isNull, lte, min, or } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { type Param, prepared } from '../prepared.ts';
import { apps, connections } from '../schema/connections.ts';
import { events, webhookEndpoints, webhookRetries } from '../schema/webhooks.ts';
import {
  endpointOfRow,
  MAX_FRESH,
  MAX_RETRIES,
  retryColumns,
  retryOfRow,
  sendingColumns,
  type Waiting,
} from './deliveries.ts';
import { eventColumns, eventOfRow, isOfEvent } from './events.ts';

/** What the invocation that recorded an event sends. It takes no lease. */

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
