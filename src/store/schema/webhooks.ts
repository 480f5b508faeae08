import { sql } from 'drizzle-orm';
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';

import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { UserId } from '../../domain/user-id.ts';

/** Events for apps, and which of them each endpoint has. The conventions are those of `connections.ts`. */

export const events = sqliteTable(
  'events',
  {
    // WITHOUT ROWID. Written in the batch that makes the change, kept for a week.
    appId: text('app_id').$type<AppId>().notNull(),
    /** The event's place in the order of the app's events. It only rises, for the app and so for each user. */
    seq: integer('seq').notNull(),
    id: text('id').notNull(),
    type: text('type').notNull(),
    /**
     * The connection that the event is about. The user's id is read from its row, so an erasure removes the person from
     * all events at once.
     */
    connectionId: integer('connection_id').$type<ConnectionId>(),
    /** Only of events that are about no connection. */
    userId: text('user_id').$type<UserId>(),
    at: integer('at').notNull(),
    /** JSON: what the type adds, such as the ids of the changed groups. Values are read when the event is sent. */
    detail: text('detail').notNull(),
  },
  (table) => [primaryKey({ columns: [table.appId, table.seq] })],
);

export const webhookEndpoints = sqliteTable(
  'webhook_endpoints',
  {
    // WITHOUT ROWID
    appId: text('app_id').$type<AppId>().notNull(),
    id: text('id').notNull(),
    url: text('url').notNull(),
    description: text('description').notNull(),
    /** JSON array of event types; null for all. */
    eventTypes: text('event_types'),
    payload: text('payload', { enum: ['full', 'thin'] }).notNull(),
    /** The signing secret, sealed: it has to be used, so a hash does not do. */
    secretSealed: text('secret_sealed').notNull(),
    /** The secret before it. Both sign until `previous_secret_until`. */
    previousSecretSealed: text('previous_secret_sealed'),
    previousSecretUntil: integer('previous_secret_until'),
    createdAt: integer('created_at').notNull(),
    disabledAt: integer('disabled_at'),
    disabledReason: text('disabled_reason'),
    /** Every event up to here was delivered, filtered out, given up, or has a row in `webhook_retries`. */
    deliveredSeq: integer('delivered_seq').notNull(),
    /** When the cron sends again; null if nothing waits. */
    dueAt: integer('due_at'),
    leaseId: text('lease_id'),
    leaseUntil: integer('lease_until'),
    /** Since when every attempt has failed; null after a success. */
    failingSince: integer('failing_since'),
    failures: integer('failures').notNull().default(0),
    /** JSON array of the last attempts, oldest first, bounded. */
    attempts: text('attempts').notNull().default('[]'),
  },
  (table) => [
    primaryKey({ columns: [table.appId, table.id] }),
    index('webhook_endpoints_due')
      .on(table.dueAt)
      .where(sql`due_at IS NOT NULL`),
  ],
);

export const webhookRetries = sqliteTable(
  'webhook_retries',
  {
    // WITHOUT ROWID. Events that an endpoint did not take, and later events of the same user, which wait behind them.
    endpointId: text('endpoint_id').notNull(),
    seq: integer('seq').notNull(),
    failures: integer('failures').notNull(),
    nextAt: integer('next_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.endpointId, table.seq] })],
);
