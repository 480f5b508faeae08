import type { AppId } from '../../domain/app-id.ts';
import { type ConnectionState, type Freshness, type ShownPending, reauthReasonOf } from '../../domain/connection.ts';
import type { ReauthReason } from '../../domain/failure.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { type FreshnessRow, storedFreshness } from './stored-freshness.ts';

/** Lists of an app's users. Raw SQL: the builder has no index hints and no select without a table. */

/** A user's current connection, as a list shows it. */
export type ListedConnection = Freshness & {
  userId: UserId;
  state: ConnectionState;
  stateReason: ReauthReason | undefined;
  stateSince: EpochMs;
  lastSyncAt: EpochMs | undefined;
  isDemo: boolean;
  /** Why the last sync or refresh failed; undefined if none has failed since the last success. */
  failure: string | undefined;
};

/**
 * Which connections to list: those in one state, those that fail, those whose user's id starts with a prefix, those
 * after a user.
 */
export type ConnectionFilter = {
  appId: AppId;
  state: ConnectionState | undefined;
  /** Those whose syncs or refreshes fail now. */
  failing?: boolean;
  prefix: string;
  afterUserId: string;
  limit: number;
};

/** As in the index of failing connections. */
const FAILING = '(sync_failures > 0 OR refresh_failures > 0)';

/** Above every user id that begins with a prefix: ids are printable ASCII. */
const ABOVE_ASCII = '\u007f';

/** The users of an app who follow one and begin with a prefix. */
const IS_LISTED = 'app_id = ?1 AND user_id > ?2 AND user_id >= ?3 AND user_id < ?4';

/**
 * Current connections of an app, ordered by user id. Every filter uses an index, so it reads only what it returns, and
 * a row of `subscriptions` for each.
 */
export const connectionsAfter = (db: Db, filter: ConnectionFilter): StoreResult<ListedConnection[]> =>
  tryD1(db, async () => {
    const { appId, state, failing, prefix, afterUserId, limit } = filter;
    const { results } = await db.d1
      .prepare(
        `SELECT user_id AS userId, state, state_reason AS stateReason, state_since AS stateSince, last_sync_at AS lastSyncAt, is_demo AS isDemo,
           iif(${FAILING}, last_failure_kind, NULL) AS failure, sync_history AS syncHistory, next_review_at AS nextPollAt,
           last_push_at AS lastPushAt, verified_at AS verifiedAt, failures AS subscriptionFailures FROM connections ${failing === true ? 'INDEXED BY connections_failing' : ''}
         LEFT JOIN subscriptions USING (withings_user_id)
         WHERE ${IS_LISTED} AND is_current = 1
         ${state === undefined ? '' : 'AND state = ?6'} ${failing === true ? `AND ${FAILING} AND state = 'active'` : ''} ORDER BY user_id LIMIT ?5`,
      )
      .bind(appId, afterUserId, prefix, prefix + ABOVE_ASCII, limit, ...(state === undefined ? [] : [state]))
      .all<ConnectionRow>();
    return results.map((row) => ({
      userId: row.userId,
      state: row.state,
      stateReason: reauthReasonOf(row.stateReason),
      stateSince: row.stateSince,
      lastSyncAt: row.lastSyncAt ?? undefined,
      isDemo: row.isDemo === 1,
      ...storedFreshness(row),
      failure: row.state === 'active' ? (row.failure ?? undefined) : undefined,
    }));
  });

type ConnectionRow = FreshnessRow & {
  userId: UserId;
  stateReason: string | null;
  stateSince: number;
  isDemo: number;
  failure: string | null;
};

/** How many users of an app are in which state, each counted up to a limit. */
export type StateCounts = Record<ConnectionState | 'pending', number>;

/**
 * Counts an app's users by state, each up to `most`, in an index. So the rows read are bounded for an app of any size.
 * Those of Withings' demo account are left out.
 */
export const countByState = (db: Db, appId: AppId, most: number, now: EpochMs): StoreResult<StateCounts> =>
  tryD1(db, async () => {
    const ofState = (state: ConnectionState): string =>
      `(SELECT count(*) FROM (SELECT 1 FROM connections WHERE app_id = ?1 AND state = '${state}' AND is_current = 1 AND is_demo = 0 LIMIT ?2)) AS ${state}`;
    const row = await db.d1
      .prepare(
        `SELECT ${ofState('active')}, ${ofState('reauth_required')}, ${ofState('disconnected')},
           (SELECT count(*) FROM (SELECT DISTINCT user_id FROM pending_connections WHERE app_id = ?1 AND expires_at > ?3 AND is_demo = 0 LIMIT ?2)) AS pending`,
      )
      .bind(appId, most, now)
      .first<StateCounts>();
    return row ?? { active: 0, reauth_required: 0, disconnected: 0, pending: 0 };
  });

/** Users whose connection waits to be confirmed, ordered by id. */
export const pendingUsersAfter = (
  db: Db,
  { appId, prefix, afterUserId, limit }: Omit<ConnectionFilter, 'state'>,
  now: EpochMs,
): StoreResult<({ userId: UserId } & ShownPending)[]> =>
  tryD1(db, async () => {
    const { results } = await db.d1
      .prepare(
        `SELECT user_id AS userId, max(created_at) AS since, is_demo AS isDemo FROM pending_connections
         WHERE ${IS_LISTED} AND expires_at > ?6
         GROUP BY user_id ORDER BY user_id LIMIT ?5`,
      )
      .bind(appId, afterUserId, prefix, prefix + ABOVE_ASCII, limit, now)
      .all<{ userId: UserId; since: number; isDemo: number }>();
    // Of the row with the newest time: SQLite, "Bare columns in an aggregate query".
    return results.map((row) => ({ ...row, isDemo: row.isDemo === 1 }));
  });
