import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { UserId } from '../../domain/user-id.ts';

/** Tables of links under way: which states are claimed, and what waits to be confirmed. */

export const claims = sqliteTable(
  'claims',
  {
    // WITHOUT ROWID. The time leads the key, so that sweeping reads only what it deletes.
    /** When the claim can be deleted: after the end of every `state` that refers to the id. */
    expiresAt: integer('expires_at').notNull(),
    /** The `jti` of a state or of a connect session. */
    id: text('id').notNull(),
    /** The outcome of the flow that claimed it; null until it is finished, and for connect sessions. */
    outcome: text('outcome'),
    /** Which callback claimed it, by a random id; null if an earlier release did. */
    claimant: text('claimant'),
  },
  // The id alone is unique, even if isolates wrote different times for it.
  (table) => [primaryKey({ columns: [table.expiresAt, table.id] }), uniqueIndex('claims_by_id').on(table.id)],
);

export const pendingConnections = sqliteTable(
  'pending_connections',
  {
    // WITHOUT ROWID. Linked at Withings and not yet confirmed by the app. No cron, sync or metrics query reads this
    // table.
    /** SHA-256 of the ticket that went to the app with the redirect, hex. */
    ticketHash: text('ticket_hash').primaryKey(),
    appId: text('app_id').$type<AppId>().notNull(),
    userId: text('user_id').$type<UserId>().notNull(),
    withingsUserId: text('withings_user_id').notNull(),
    /** The id that the tokens are sealed to. */
    connectionId: integer('connection_id').$type<ConnectionId>().notNull(),
    scope: text('scope').notNull(),
    accessTokenSealed: text('access_token_sealed').notNull(),
    refreshTokenSealed: text('refresh_token_sealed').notNull(),
    accessExpiresAt: integer('access_expires_at').notNull(),
    createdAt: integer('created_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
    /** Whether the link was to Withings' demo account. */
    isDemo: integer('is_demo', { mode: 'boolean' }).notNull().default(false),
  },
  (table) => [
    index('pending_by_user').on(table.appId, table.userId),
    index('pending_by_expiry').on(table.expiresAt),
    index('pending_by_withings_user').on(table.withingsUserId),
  ],
);
