import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';

/** An app in a list: how many users are connected, up to a limit, when they were last synced, and what is wrong. */
export type AppGlance = {
  users: number;
  /** The last sync of these users. */
  lastSyncAt: EpochMs | undefined;
  /** Users who have to connect again, up to the same limit. */
  reauthRequired: number;
  /** Whether a user's syncs or refreshes fail now. */
  failing: boolean;
  /** Whether a webhook endpoint was disabled by failures. */
  webhookDisabled: boolean;
};

type Row = {
  id: string;
  users: number;
  last_sync_at: number | null;
  reauth_required: number;
  failing: number;
  webhook_disabled: number;
};

/**
 * What a list shows of each of these apps, in one round trip. Each part reads an index, at most `most` rows of an app.
 * Raw SQL: a list as one parameter (`json_each`), and an index hint.
 */
export const appGlances = (db: Db, ids: readonly string[], most: number): StoreResult<Map<string, AppGlance>> =>
  tryD1(db, async () => {
    const counted = (state: string): string =>
      `(SELECT count(*) FROM (SELECT 1 FROM connections WHERE app_id = a.value AND state = '${state}' AND is_current = 1 AND is_demo = 0 LIMIT ?2))`;
    const { results } = await db.d1
      .prepare(
        `SELECT a.value AS id, ${counted('active')} AS users, ${counted('reauth_required')} AS reauth_required,
           (SELECT max(last_sync_at) FROM (SELECT last_sync_at FROM connections
              WHERE app_id = a.value AND state = 'active' AND is_current = 1 AND is_demo = 0 LIMIT ?2)) AS last_sync_at,
           EXISTS (SELECT 1 FROM connections INDEXED BY connections_failing WHERE app_id = a.value AND is_current = 1
             AND (sync_failures > 0 OR refresh_failures > 0) AND state = 'active') AS failing,
           EXISTS (SELECT 1 FROM webhook_endpoints WHERE app_id = a.value AND disabled_reason IN ('gone', 'failing')) AS webhook_disabled
         FROM json_each(?1) AS a`,
      )
      .bind(JSON.stringify(ids), most)
      .all<Row>();
    return new Map(
      results.map((row) => [
        row.id,
        {
          users: row.users,
          lastSyncAt: row.last_sync_at ?? undefined,
          reauthRequired: row.reauth_required,
          failing: row.failing === 1,
          webhookDisabled: row.webhook_disabled === 1,
        },
      ]),
    );
  });
