import { sql } from 'drizzle-orm';
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/**
 * Withings' notifications. They are about a person at Withings, whatever the number of connections. The conventions are
 * those of `connections.ts`.
 */

export const waitingPushes = sqliteTable('waiting_pushes', {
  // WITHOUT ROWID. A row from the push to the end of its sync, so the table is as large as what waits.
  withingsUserId: text('withings_user_id').primaryKey(),
  /** When the first push came that no sync has begun after. */
  pushedAt: integer('pushed_at').notNull(),
  /** When the next sync for it may begin. */
  dueAt: integer('due_at').notNull(),
  /** Whether the push was about the account, so that its tokens are refreshed to see whether they still are good. */
  refreshes: integer('refreshes', { mode: 'boolean' }).notNull(),
  /** The invocation that syncs for it. Cleared by a later push, for which that sync may be too early. */
  claimId: text('claim_id'),
  attempts: integer('attempts').notNull().default(0),
  /** JSON: the ids of the connections that no sync has read for it yet; null for all of the person's. */
  connectionsLeft: text('connections_left'),
});

export const subscriptions = sqliteTable(
  'subscriptions',
  {
    // WITHOUT ROWID. A row for each person at Withings with a connection.
    withingsUserId: text('withings_user_id').primaryKey(),
    /** The origin under which Withings reaches the broker: that of the link. */
    origin: text('origin').notNull(),
    /** The key of the keyring behind the callback URL of what is subscribed; null if nothing is. */
    keyId: text('key_id'),
    /** Null. An earlier release kept here what was still to be subscribed; now each step begins with Withings' list. */
    missing: text('missing'),
    /** When Withings last had everything subscribed. */
    verifiedAt: integer('verified_at'),
    /** When the next step is due; null if there is none. */
    dueAt: integer('due_at'),
    failures: integer('failures').notNull().default(0),
    lastPushAt: integer('last_push_at'),
  },
  (table) => [
    index('subscriptions_due')
      .on(table.dueAt)
      .where(sql`due_at IS NOT NULL`),
  ],
);
