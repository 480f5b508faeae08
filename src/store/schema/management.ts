import { sql } from 'drizzle-orm';
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

import type { AppId } from '../../domain/app-id.ts';

/** Developer accounts, access tokens, sessions and the audit trail. The conventions are those of `connections.ts`. */

export const accounts = sqliteTable('accounts', {
  // WITHOUT ROWID. Developers, who own apps.
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  createdAt: integer('created_at').notNull(),
  disabledAt: integer('disabled_at'),
});

export const accessTokens = sqliteTable(
  'access_tokens',
  {
    // WITHOUT ROWID
    /** SHA-256 of the whole token, hex. */
    hash: text('hash').primaryKey(),
    id: text('id').notNull(),
    accountId: text('account_id').notNull(),
    name: text('name').notNull(),
    hint: text('hint').notNull(),
    createdAt: integer('created_at').notNull(),
    expiresAt: integer('expires_at'),
    /** Noted at most hourly. */
    lastUsedAt: integer('last_used_at'),
    revokedAt: integer('revoked_at'),
  },
  (table) => [
    uniqueIndex('access_tokens_by_account').on(table.accountId, table.id),
    index('access_tokens_by_state').on(table.accountId, table.revokedAt, table.id),
  ],
);

export const dashboardSessions = sqliteTable(
  'dashboard_sessions',
  {
    // WITHOUT ROWID
    /** SHA-256 of the session cookie's value, hex. */
    idHash: text('id_hash').primaryKey(),
    /** Null for the operator. */
    accountId: text('account_id'),
    /** SHA-256 of the access token or operator's token that signed in. Revoking or changing it ends the session. */
    tokenHash: text('token_hash'),
    createdAt: integer('created_at').notNull(),
    lastSeenAt: integer('last_seen_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [
    index('dashboard_sessions_by_expiry').on(table.expiresAt),
    index('dashboard_sessions_by_account').on(table.accountId),
  ],
);

export const erasedUsers = sqliteTable(
  'erased_users',
  {
    // WITHOUT ROWID. Users who were erased within the life of a user token: one that was minted before is not valid.
    appId: text('app_id').$type<AppId>().notNull(),
    /** As the audit trail names the user. */
    userHash: text('user_hash').notNull(),
    /** Random, of the last erasure: what a user token that was minted since names. */
    epoch: text('epoch').notNull(),
    /** From when on no token from before can be good. */
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.appId, table.userHash] }),
    index('erased_users_by_expiry').on(table.expiresAt),
  ],
);

export const auditEntries = sqliteTable(
  'audit_entries',
  {
    // WITHOUT ROWID. Who changed what, when, from where.
    /** The app that the change concerns, otherwise the account; empty if it concerns neither. */
    appId: text('app_id').notNull(),
    at: integer('at').notNull(),
    id: text('id').notNull(),
    /** An account's id, an API key's, `operator`, or `user`. */
    actor: text('actor').notNull(),
    /** The access token of the request or of the dashboard session. */
    tokenId: text('token_id'),
    /** `api`, `cli`, `dashboard`, … */
    surface: text('surface').notNull(),
    action: text('action').notNull(),
    /** The id of what was changed. */
    subject: text('subject').notNull(),
    /** JSON, without anything secret. */
    detail: text('detail').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.appId, table.at, table.id] }),
    index('audit_entries_by_time').on(table.at, table.id),
    // The entries of an export in one hour have one id: it is noted once.
    uniqueIndex('audit_entries_of_exports')
      .on(table.id)
      .where(sql`action = 'user.exported'`),
  ],
);

export const brokerState = sqliteTable('broker_state', {
  // WITHOUT ROWID. The broker's own state, by `BrokerStateName`.
  name: text('name').primaryKey(),
  /** JSON. */
  value: text('value').notNull(),
  updatedAt: integer('updated_at').notNull(),
});
