import { sql } from 'drizzle-orm';
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

/**
 * What D1 holds; body data stands in `body-data.ts`, accounts and audit in `management.ts`. Our own times (`…_at`) are Unix milliseconds; times that Withings gave (`…_seconds`) are Unix seconds.
 *
 * Tables marked WITHOUT ROWID are so in the migrations, by hand: drizzle-kit does not emit it. Their primary key is the table, so
 * a narrow row costs one row written instead of two. No table has ON DELETE CASCADE and no column a CHECK: see migrations/README.md.
 */

export const apps = sqliteTable(
  'apps',
  {
    // WITHOUT ROWID
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    linkPolicy: text('link_policy', { enum: ['open', 'session', 'confirm'] })
      .notNull()
      .default('open'),
    allowLoopback: integer('allow_loopback', { mode: 'boolean' }).notNull().default(false),
    /** Set while nothing may flow for this app. */
    disabledAt: integer('disabled_at'),
    /** The developer account that owns it; null where the operator does. */
    accountId: text('account_id'),
    /** Whether API keys are refused in requests that a browser's script sent. */
    refuseBrowserKeys: integer('refuse_browser_keys', { mode: 'boolean' }).notNull().default(false),
    /** What becomes of a Withings account that another user of the app is linked to already. */
    sharedAccounts: text('shared_accounts', { enum: ['allow', 'refuse'] })
      .notNull()
      .default('allow'),
    /** Whether the app reads changes in bulk: only then does a sync note its place in their order. */
    readsChanges: integer('reads_changes', { mode: 'boolean' }).notNull().default(false),
    /** The highest place in that order which an erased connection had: it is never given again. */
    changesFloor: integer('changes_floor').notNull().default(0),
    createdAt: integer('created_at').notNull(),
  },
  // A developer's list reads their own apps only.
  (table) => [index('apps_by_account').on(table.accountId, table.id)],
);

export const apiKeys = sqliteTable(
  'api_keys',
  {
    // WITHOUT ROWID, keyed by what a request brings: authenticating it reads one row.
    /** SHA-256 of the whole key, hex. The key itself is shown once and never stored. */
    hash: text('hash').primaryKey(),
    id: text('id').notNull(),
    appId: text('app_id').notNull(),
    name: text('name').notNull(),
    /** The last characters of the key, to tell keys apart in a list. */
    hint: text('hint').notNull(),
    /** Space-separated. */
    scopes: text('scopes').notNull(),
    createdAt: integer('created_at').notNull(),
    /** Noted at most hourly. */
    lastUsedAt: integer('last_used_at'),
    revokedAt: integer('revoked_at'),
  },
  (table) => [uniqueIndex('api_keys_by_app').on(table.appId, table.id)],
);

export const redirectUris = sqliteTable(
  'redirect_uris',
  {
    // WITHOUT ROWID
    appId: text('app_id').notNull(),
    /** Follows from the URI, so that a URI removed and added again is the same entry to a state that names it. */
    id: text('id').notNull(),
    uri: text('uri').notNull(),
    /** JSON array of warning codes. */
    warnings: text('warnings').notNull(),
    createdAt: integer('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.appId, table.id] }),
    uniqueIndex('redirect_uris_by_uri').on(table.appId, table.uri),
  ],
);

export const claims = sqliteTable(
  'claims',
  {
    // WITHOUT ROWID. The time leads the key, so that sweeping reads only what it deletes.
    /** Until when the mark is kept: past the end of every state that refers to the id. */
    expiresAt: integer('expires_at').notNull(),
    /** The `jti` of a state or of a connect session. */
    id: text('id').notNull(),
    /** How the flow that claimed it ended; null while it is under way, and for connect sessions. */
    outcome: text('outcome'),
  },
  // The id alone is used once, whatever time an isolate wrote beside it.
  (table) => [primaryKey({ columns: [table.expiresAt, table.id] }), uniqueIndex('claims_by_id').on(table.id)],
);

export const connections = sqliteTable(
  'connections',
  {
    /** Random, below 2^52: known before the row is, so that tokens are sealed to it, and short where measurements repeat it. */
    id: integer('id').primaryKey(),
    appId: text('app_id').notNull(),
    userId: text('user_id').notNull(),
    withingsUserId: text('withings_user_id').notNull(),
    /** One connection of a user is the current one; those to earlier Withings accounts keep their history. */
    isCurrent: integer('is_current', { mode: 'boolean' }).notNull(),
    state: text('state', { enum: ['active', 'reauth_required', 'disconnected'] }).notNull(),
    stateReason: text('state_reason'),
    stateSince: integer('state_since').notNull(),
    /** Comma-separated, as granted. */
    scope: text('scope').notNull(),
    createdAt: integer('created_at').notNull(),

    accessTokenSealed: text('access_token_sealed'),
    refreshTokenSealed: text('refresh_token_sealed'),
    /** The one before, until the new pair was used: Withings honours it for 8 hours or until then. */
    previousRefreshTokenSealed: text('previous_refresh_token_sealed'),
    /** Raised by everything that replaces or drops tokens; who writes tokens names the version it read. */
    tokenVersion: integer('token_version').notNull(),
    accessExpiresAt: integer('access_expires_at').notNull(),
    refreshedAt: integer('refreshed_at').notNull(),

    /** The activation that the connection last came from: who lost the answer to its write finds itself here. */
    rotationId: text('rotation_id'),
    refreshLeaseId: text('refresh_lease_id'),
    refreshLeaseUntil: integer('refresh_lease_until'),
    /**
     * Since when a refresh may have rotated the tokens without our knowing: set with every lease, cleared when the outcome is known. From
     * then on the stored refresh token lives 8 hours.
     */
    inDoubtSince: integer('in_doubt_since'),
    /** When the cron takes it up; null where there is nothing to refresh. */
    nextRefreshAt: integer('next_refresh_at'),
    refreshFailures: integer('refresh_failures').notNull().default(0),
    lastFailureKind: text('last_failure_kind'),
    lastFailureAt: integer('last_failure_at'),

    lastUsedAt: integer('last_used_at'),
    syncLeaseId: text('sync_lease_id'),
    syncLeaseUntil: integer('sync_lease_until'),
    /** Newest `modified` seen such that everything before it is stored. */
    syncCursorSeconds: integer('sync_cursor_seconds').notNull().default(0),
    /** Where a read continues that was cut off, when Withings' order forbids moving the cursor: JSON. */
    syncResume: text('sync_resume'),
    /** JSON: where a history stands that is read newest first; null where none is. */
    syncHistory: text('sync_history'),
    /** Since when everything that was measured is stored; null if nothing older is still to be read. */
    historyCompleteFrom: integer('history_complete_from'),
    /** When the cron goes on with an incomplete sync; null where none is. */
    syncResumeAt: integer('sync_resume_at'),
    /** JSON: which windows of time are re-read next, in search of deletions. */
    reviewPosition: text('review_position'),
    /** When the cron re-reads an older window; null where it does not. */
    nextReviewAt: integer('next_review_at'),
    /** Place in the order of the app's changes; null where the app does not read them. */
    changeSeq: integer('change_seq'),
    /** JSON: the groups that the last changes touched; see `changes.ts`. */
    recentChanges: text('recent_changes'),
    /** JSON: what was asked in the last seconds. */
    recentQuestions: text('recent_questions').notNull().default('[]'),
    lastSyncAt: integer('last_sync_at'),
    /** JSON: what the last sync answered, for those who waited for it. */
    lastSyncResult: text('last_sync_result'),
    /** Raised by every sync that changed a measurement: the metrics' ETag. */
    dataVersion: integer('data_version').notNull().default(0),
    timeZone: text('time_zone').notNull().default('UTC'),
    /** JSON, newest first, bounded. */
    timeline: text('timeline').notNull().default('[]'),
    /** JSON: syncs and refreshes a day, of the last month. */
    activity: text('activity').notNull().default('{}'),
  },
  (table) => [
    uniqueIndex('connections_by_account').on(table.appId, table.userId, table.withingsUserId),
    uniqueIndex('connections_current')
      .on(table.appId, table.userId)
      .where(sql`is_current = 1`),
    // Two queues and no row in both: what is in doubt cannot wait behind a backlog.
    index('connections_due')
      .on(table.nextRefreshAt)
      .where(sql`next_refresh_at IS NOT NULL AND in_doubt_since IS NULL`),
    index('connections_in_doubt')
      .on(table.nextRefreshAt)
      .where(sql`in_doubt_since IS NOT NULL`),
    index('connections_resume')
      .on(table.syncResumeAt)
      .where(sql`sync_resume_at IS NOT NULL`),
    index('connections_review')
      .on(table.nextReviewAt)
      .where(sql`next_review_at IS NOT NULL`),
    index('connections_changed')
      .on(table.appId, table.changeSeq)
      .where(sql`change_seq IS NOT NULL`),
    index('connections_by_state')
      .on(table.appId, table.state, table.userId)
      .where(sql`is_current = 1`),
    index('connections_lost')
      .on(table.stateSince)
      .where(sql`state = 'reauth_required' AND is_current = 1`),
    index('connections_by_withings_user').on(table.withingsUserId, table.appId),
  ],
);

export const pendingConnections = sqliteTable(
  'pending_connections',
  {
    // WITHOUT ROWID. Linked at Withings and not yet confirmed by the app: no cron, sync or reader looks here.
    /** SHA-256 of the ticket that went to the app with the redirect, hex. */
    ticketHash: text('ticket_hash').primaryKey(),
    appId: text('app_id').notNull(),
    userId: text('user_id').notNull(),
    withingsUserId: text('withings_user_id').notNull(),
    /** The id that the tokens are sealed to. */
    connectionId: integer('connection_id').notNull(),
    scope: text('scope').notNull(),
    accessTokenSealed: text('access_token_sealed').notNull(),
    refreshTokenSealed: text('refresh_token_sealed').notNull(),
    accessExpiresAt: integer('access_expires_at').notNull(),
    createdAt: integer('created_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [
    index('pending_by_user').on(table.appId, table.userId),
    index('pending_by_expiry').on(table.expiresAt),
    index('pending_by_withings_user').on(table.withingsUserId),
  ],
);

export const requestBudgets = sqliteTable('request_budgets', {
  // WITHOUT ROWID. The shares of Withings' requests a minute, as a generic cell rate algorithm keeps them.
  name: text('name').primaryKey(),
  /** The theoretical arrival time: when the bucket will be empty again. */
  emptyAt: integer('empty_at').notNull(),
});
