import { and, asc, eq, getTableColumns, gt, inArray, ne, notExists } from 'drizzle-orm';

import { type AppId, NO_APP } from '../../domain/app-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { Attempt, Payload, WebhookEndpoint } from '../../domain/webhooks/endpoint.ts';
import type { EventType } from '../../domain/webhooks/event.ts';
import { tryD1, type Db, returnedRows, statement, type StoreResult } from '../d1.ts';
import { apps } from '../schema/connections.ts';
import { events, webhookEndpoints, webhookRetries } from '../schema/webhooks.ts';
import { disabledReasonOf, eventTypesOf, storedAttempts } from './stored-values.ts';

/** All columns except the attempts, which may be 200 KB, and the secrets. */
const { attempts: _, secretSealed: __, previousSecretSealed: ___, ...COLUMNS } = getTableColumns(webhookEndpoints);

type EndpointRow = Pick<typeof webhookEndpoints.$inferSelect, keyof typeof COLUMNS>;

const endpointOfRow = (row: EndpointRow): WebhookEndpoint => ({
  id: row.id,
  appId: row.appId,
  url: row.url,
  description: row.description,
  eventTypes: eventTypesOf(row.eventTypes),
  payload: row.payload,
  createdAt: row.createdAt,
  disabledAt: row.disabledAt ?? undefined,
  disabledReason: disabledReasonOf(row.disabledReason),
  previousSecretUntil: row.previousSecretUntil ?? undefined,
  failingSince: row.failingSince ?? undefined,
});

/** A new endpoint with its sealed secret. */
export type NewEndpoint = Pick<WebhookEndpoint, 'id' | 'appId' | 'url' | 'description' | 'eventTypes' | 'payload'> & {
  secretSealed: string;
};

/**
 * Adds an endpoint, unless the app has `most`. One statement, so that parallel calls cannot exceed the limit; raw SQL,
 * because the builder inserts no select without a table. From now on the app records events, and the endpoint gets
 * them.
 *
 * @returns whether it was added
 */
export const addEndpoint = (
  db: Db,
  { id, appId, url, description, eventTypes, payload, secretSealed }: NewEndpoint,
  { most, now }: { most: number; now: EpochMs },
  alongside: D1PreparedStatement[],
): StoreResult<boolean> =>
  tryD1(db, async () => {
    const [inserted] = await db.d1.batch([
      db.d1
        .prepare(
          `INSERT INTO webhook_endpoints (app_id, id, url, description, event_types, payload, secret_sealed, created_at, delivered_seq)
           SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, coalesce((SELECT max(v.seq) FROM events AS v WHERE v.app_id = ?1), 0)
           WHERE (SELECT count(*) FROM webhook_endpoints WHERE app_id = ?1) < ?9
           RETURNING id`,
        )
        .bind(
          appId,
          id,
          url,
          description,
          eventTypes === undefined ? null : JSON.stringify(eventTypes),
          payload,
          secretSealed,
          now,
          most,
        ),
      ...alongside,
      statement(
        db,
        db.orm
          .update(apps)
          .set({ recordsEvents: true })
          .where(and(eq(apps.id, appId), eq(apps.recordsEvents, false))),
      ),
    ]);
    return returnedRows(inserted) > 0;
  });

/** An app's endpoints, in the order in which they were added. */
export const endpointsOf = (db: Db, appId: AppId): StoreResult<WebhookEndpoint[]> =>
  tryD1(db, async () => {
    const rows = await db.orm
      .select(COLUMNS)
      .from(webhookEndpoints)
      .where(eq(webhookEndpoints.appId, appId))
      .orderBy(asc(webhookEndpoints.createdAt), asc(webhookEndpoints.id));
    return rows.map(endpointOfRow);
  });

/** Whether an endpoint of any app is disabled and its owner did not ask for it. Reads up to a row of each endpoint. */
export const isAnyGivenUp = (db: Db): StoreResult<boolean> =>
  tryD1(db, async () => {
    const found = await db.orm
      .select({ id: webhookEndpoints.id })
      .from(webhookEndpoints)
      .where(and(gt(webhookEndpoints.appId, NO_APP), ne(webhookEndpoints.disabledReason, 'by_owner')))
      .limit(1)
      .get();
    return found !== undefined;
  });

/** The attempts of an endpoint, oldest first; undefined if the app has no endpoint with that id. */
export const attemptsOf = (db: Db, { appId, id }: { appId: AppId; id: string }): StoreResult<Attempt[] | undefined> =>
  tryD1(db, async () => {
    const row = await db.orm
      .select({ attempts: webhookEndpoints.attempts })
      .from(webhookEndpoints)
      .where(isEndpoint(appId, id))
      .get();
    return row && storedAttempts(row.attempts);
  });

export type EndpointChange = {
  url?: string | undefined;
  description?: string | undefined;
  /** Null for all types. */
  eventTypes?: EventType[] | null | undefined;
  payload?: Payload | undefined;
  disabled?: boolean | undefined;
  /** A new sealed secret. The previous one also signs until `until`. */
  secret?: { sealed: string; until: EpochMs } | undefined;
};

/**
 * Changes an endpoint, with `alongside` directly after it. Returns the changed endpoint; undefined if the app has none
 * with that id.
 */
export const changeEndpoint = (
  db: Db,
  { appId, id }: { appId: AppId; id: string },
  { url, description, eventTypes, payload, disabled, secret }: EndpointChange,
  now: EpochMs,
  alongside: D1PreparedStatement[],
): StoreResult<WebhookEndpoint | undefined> =>
  tryD1(db, async () => {
    const change = db.orm
      .update(webhookEndpoints)
      .set({
        // Drizzle leaves out undefined values. An update needs at least one column.
        id,
        url,
        description,
        eventTypes: eventTypes === undefined || eventTypes === null ? eventTypes : JSON.stringify(eventTypes),
        payload,
        ...(disabled === true && { disabledAt: now, disabledReason: 'by_owner', dueAt: null }),
        // It is tried at once, as if it had never failed.
        ...(disabled === false && {
          disabledAt: null,
          disabledReason: null,
          failingSince: null,
          failures: 0,
          dueAt: now,
        }),
        ...(secret !== undefined && {
          previousSecretSealed: webhookEndpoints.secretSealed,
          previousSecretUntil: secret.until,
          secretSealed: secret.sealed,
        }),
      })
      .where(isEndpoint(appId, id));
    await db.d1.batch([statement(db, change), ...alongside]);
    const row = await db.orm.select(COLUMNS).from(webhookEndpoints).where(isEndpoint(appId, id)).get();
    return row && endpointOfRow(row);
  });

/**
 * Removes an endpoint and what waits for it, with `alongside` directly after it. An app without endpoints stops
 * recording events.
 *
 * @returns false if the app has none with that id
 */
export const removeEndpoint = (
  db: Db,
  { appId, id }: { appId: AppId; id: string },
  alongside: D1PreparedStatement[],
): StoreResult<boolean> =>
  tryD1(db, async () => {
    const removal = db.orm.delete(webhookEndpoints).where(isEndpoint(appId, id)).returning({ id: webhookEndpoints.id });
    const stop = db.orm
      .update(apps)
      .set({ recordsEvents: false })
      .where(and(eq(apps.id, appId), eq(apps.recordsEvents, true), notExists(idsOf(db, appId))));
    const [removed] = await db.d1.batch([
      statement(db, removal),
      ...alongside,
      statement(db, db.orm.delete(webhookRetries).where(eq(webhookRetries.endpointId, id))),
      statement(db, stop),
    ]);
    return returnedRows(removed) > 0;
  });

/** The statements that delete everything of an app's webhooks, for the deletion of the app. */
export const webhookRemovalStatements = (db: Db, appId: AppId): D1PreparedStatement[] =>
  [
    db.orm.delete(webhookRetries).where(inArray(webhookRetries.endpointId, idsOf(db, appId))),
    db.orm.delete(webhookEndpoints).where(eq(webhookEndpoints.appId, appId)),
    db.orm.delete(events).where(eq(events.appId, appId)),
  ].map((removal) => statement(db, removal));

const isEndpoint = (appId: AppId, id: string) => and(eq(webhookEndpoints.appId, appId), eq(webhookEndpoints.id, id));

const idsOf = (db: Db, appId: AppId) =>
  db.orm.select({ id: webhookEndpoints.id }).from(webhookEndpoints).where(eq(webhookEndpoints.appId, appId));
