import { sql } from 'drizzle-orm';
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { UserId } from '../../domain/user-id.ts';

/**
 * The D1 schema. Body data is in `body-data.ts`, accounts and audit are in `management.ts`, links under way in
 * `links.ts`, notifications in `notify.ts`, webhooks in `webhooks.ts`. The broker's own times (`…_at`) are Unix
 * milliseconds. Times that Withings gave (`…_seconds`) are Unix seconds.
 *
 * The migrations mark tables as WITHOUT ROWID by hand, because drizzle-kit does not emit it. Their primary key is the
 * table, so a narrow row costs one row written instead of two. No table has ON DELETE CASCADE and no column a CHECK:
 * see migrations/README.md.
 */

export const apps = sqliteTable(
  'apps',
  {
    // WITHOUT ROWID
    id: text('id').$type<AppId>().primaryKey(),
    name: text('name').notNull(),
    linkPolicy: text('link_policy', { enum: ['open', 'session', 'confirm'] })
      .notNull()
      .default('open'),
    allowLoopback: integer('allow_loopback', { mode: 'boolean' }).notNull().default(false),
    /** Set while the app is disabled. */
    disabledAt: integer('disabled_at'),
    /** The developer account that owns it; null if the operator does. */
    accountId: text('account_id'),
    /** Whether API keys are refused in requests that a browser's script sent. */
    refuseBrowserKeys: integer('refuse_browser_keys', { mode: 'boolean' }).notNull().default(false),
    /** Whether a Withings account of another user of the app is accepted. */
    sharedAccounts: text('shared_accounts', { enum: ['allow', 'refuse'] })
      .notNull()
      .default('allow'),
    /** How much of a user's history is read without a request when the user connects. */
    historyOnConnect: text('history_on_connect', { enum: ['all', 'recent', 'none'] })
      .notNull()
      .default('all'),
    /** Whether the app reads changes in bulk. Only then a sync writes the connection's position in their order. */
    readsChanges: integer('reads_changes', { mode: 'boolean' }).notNull().default(false),
    /** The highest position in that order of an erased connection. It is never used again. */
    changesFloor: integer('changes_floor').notNull().default(0),
    /** Whether its links lead to Withings' demo account. */
    demoAccount: integer('demo_account', { mode: 'boolean' }).notNull().default(false),
    /** Whether events are recorded for webhooks: from the first endpoint, or the first reading of events, on. */
    recordsEvents: integer('records_events', { mode: 'boolean' }).notNull().default(false),
    createdAt: integer('created_at').notNull(),
  },
  // A developer's list reads only their own apps.
  (table) => [index('apps_by_account').on(table.accountId, table.id)],
);

export const apiKeys = sqliteTable(
  'api_keys',
  {
    // WITHOUT ROWID, keyed by what a request sends: authentication reads one row.
    /** SHA-256 of the whole key, hex. The key itself is shown once and never stored. */
    hash: text('hash').primaryKey(),
    id: text('id').notNull(),
    appId: text('app_id').$type<AppId>().notNull(),
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
  (table) => [
    uniqueIndex('api_keys_by_app').on(table.appId, table.id),
    // Whether a key is live, and how many are, is answered by the index alone.
    index('api_keys_by_state').on(table.appId, table.revokedAt, table.id),
  ],
);

export const redirectUris = sqliteTable(
  'redirect_uris',
  {
    // WITHOUT ROWID
    appId: text('app_id').$type<AppId>().notNull(),
    /** Derived from the URI, so a URI that is removed and added again keeps its id in a `state`. */
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

export const connections = sqliteTable(
  'connections',
  {
    /**
     * Random, below 2^47; of releases before 0.2 below 2^52. It is known before the row exists, because tokens are
     * sealed to it, and short, because measurements repeat it.
     */
    id: integer('id').$type<ConnectionId>().primaryKey(),
    appId: text('app_id').$type<AppId>().notNull(),
    userId: text('user_id').$type<UserId>().notNull(),
    withingsUserId: text('withings_user_id').notNull(),
    /** One connection of a user is current. Those to earlier Withings accounts keep their history. */
    isCurrent: integer('is_current', { mode: 'boolean' }).notNull(),
    state: text('state', { enum: ['active', 'reauth_required', 'disconnected'] }).notNull(),
    stateReason: text('state_reason'),
    stateSince: integer('state_since').notNull(),
    /** Comma-separated, as granted. */
    scope: text('scope').notNull(),
    createdAt: integer('created_at').notNull(),
    /** Whether the last link was to Withings' demo account, which no figure counts. */
    isDemo: integer('is_demo', { mode: 'boolean' }).notNull().default(false),

    accessTokenSealed: text('access_token_sealed'),
    refreshTokenSealed: text('refresh_token_sealed'),
    /** The previous refresh token, until the new pair was used. Withings accepts it for 8 hours or until then. */
    previousRefreshTokenSealed: text('previous_refresh_token_sealed'),
    /** Raised by every write that replaces or deletes tokens. A write of tokens names the version that it read. */
    tokenVersion: integer('token_version').notNull(),
    accessExpiresAt: integer('access_expires_at').notNull(),
    refreshedAt: integer('refreshed_at').notNull(),

    /** The last activation. A retry whose first answer was lost finds its own id here. */
    rotationId: text('rotation_id'),
    refreshLeaseId: text('refresh_lease_id'),
    refreshLeaseUntil: integer('refresh_lease_until'),
    /**
     * Since when a refresh may have rotated the tokens without the broker knowing: set with the lease, when a refresh
     * is about to be sent, cleared when the outcome is known. From then on the stored refresh token lives 8 hours.
     */
    inDoubtSince: integer('in_doubt_since'),
    /** When the cron refreshes it; null if there is nothing to refresh. */
    nextRefreshAt: integer('next_refresh_at'),
    refreshFailures: integer('refresh_failures').notNull().default(0),
    /** Since when every refresh was refused, in words that are not known to mean the end; null if none was. */
    refreshRefusedSince: integer('refresh_refused_since'),
    lastFailureKind: text('last_failure_kind'),
    lastFailureAt: integer('last_failure_at'),

    lastUsedAt: integer('last_used_at'),
    syncLeaseId: text('sync_lease_id'),
    syncLeaseUntil: integer('sync_lease_until'),
    /** The newest `modified` such that everything before it is stored. */
    syncCursorSeconds: integer('sync_cursor_seconds').notNull().default(0),
    /** JSON: where an unfinished read continues, if the order of the answer keeps the cursor from moving. */
    syncResume: text('sync_resume'),
    /** JSON: where a history stands that is read newest first; null if none is. */
    syncHistory: text('sync_history'),
    /** Since when everything that was measured is stored; null if nothing older is still to be read. */
    historyCompleteFrom: integer('history_complete_from'),
    /** When the cron continues an incomplete sync; null if there is none. */
    syncResumeAt: integer('sync_resume_at'),
    /** JSON: which windows of time are read next to find deletions. */
    reviewPosition: text('review_position'),
    /** When the cron polls it, and may review an older window; null if it waits for its next sync or refresh. */
    nextReviewAt: integer('next_review_at'),
    /** The position in the order of the app's changes; null if the app does not read them. */
    changeSeq: integer('change_seq'),
    /** JSON: the groups that the last changes touched; see `changes.ts`. */
    recentChanges: text('recent_changes'),
    /** JSON: the requests of the last seconds. */
    recentQuestions: text('recent_questions').notNull().default('[]'),
    /** Syncs that failed in a row, requested or not. */
    syncFailures: integer('sync_failures').notNull().default(0),
    /** Since when every sync was refused although its tokens are fresh; null if none was. */
    syncRefusedSince: integer('sync_refused_since'),
    lastSyncAt: integer('last_sync_at'),
    /** JSON: the result of the last sync, for callers that waited for it. */
    lastSyncResult: text('last_sync_result'),
    /** Raised by every sync that changed a measurement: the metrics' ETag. */
    dataVersion: integer('data_version').notNull().default(0),
    timeZone: text('time_zone').notNull().default('UTC'),
    /** JSON, newest first, bounded. */
    timeline: text('timeline').notNull().default('[]'),
    /** JSON: what happened on each day of the last month; see `users/activity.ts`. */
    activity: text('activity').notNull().default('{}'),
  },
  (table) => [
    uniqueIndex('connections_by_account').on(table.appId, table.userId, table.withingsUserId),
    uniqueIndex('connections_current')
      .on(table.appId, table.userId)
      .where(sql`is_current = 1`),
    // Two disjoint queues: a refresh in doubt must not wait behind a backlog.
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
    // Users are counted in the index alone, without those of the demo account.
    index('connections_by_state')
      .on(table.appId, table.state, table.userId, table.isDemo)
      .where(sql`is_current = 1`),
    index('connections_failing')
      .on(table.appId, table.userId)
      .where(sql`is_current = 1 AND (sync_failures > 0 OR refresh_failures > 0)`),
    index('connections_lost')
      .on(table.stateSince)
      .where(sql`state = 'reauth_required' AND is_current = 1`),
    index('connections_by_withings_user').on(table.withingsUserId, table.appId),
  ],
);

/** Whether a connection is its user's current one, in the text: by a parameter SQLite chooses no partial index. */
export const isCurrent = sql`${connections.isCurrent} = 1`;

export const requestBudgets = sqliteTable('request_budgets', {
  // WITHOUT ROWID. How far each share of Withings' quota is used, by the generic cell rate algorithm. Also each app's
  // part of the syncs' share (`sync:`), and connections for which no request is sent for a time (`wait:`).
  name: text('name').primaryKey(),
  /** The theoretical arrival time: when the bucket will be empty again. */
  emptyAt: integer('empty_at').notNull(),
});
