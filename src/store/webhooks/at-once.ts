import { and, asc, eq, gt, inArray, isNull, lte, or, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/sqlite-core';

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

/** Each endpoint has a list of its own: one that is behind must not fill the list of another. */
const FRESH = prepared((orm, param: Param<Idle>) => {
  const next = alias(events, 'next');
  const nextSeqs = orm
    .select({ seq: next.seq })
    .from(next)
    .where(and(eq(next.appId, param('appId')), gt(next.seq, webhookEndpoints.deliveredSeq)))
    .orderBy(asc(next.seq))
    .limit(MAX_FRESH);
  return orm
    .select({ ...eventColumns, endpointId: sql<string>`${webhookEndpoints.id}`.as('endpoint_id') })
    .from(webhookEndpoints)
    .crossJoin(events)
    .leftJoin(connections, isOfEvent)
    .where(and(isIdle(param), eq(events.appId, param('appId')), inArray(events.seq, nextSeqs)))
    .orderBy(asc(events.seq));
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
    const following = FRESH.rowsOf(fresh);
    return ENDPOINTS.rowsOf(endpoints).map((row) => ({
      endpoint: endpointOfRow(row),
      retries: waiting.filter(({ endpointId }) => endpointId === row.id).map(retryOfRow),
      fresh: following.filter(({ endpointId }) => endpointId === row.id).map(eventOfRow),
    }));
  });
