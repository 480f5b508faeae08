import type { ConnectionId } from '../../domain/connection-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import { type Db, type StoreResult, tryD1 } from '../d1.ts';

/** How many connections are looked at. Ids are random, so these are a random sample. */
const SAMPLE = 1_000;

/**
 * Whether Withings has served another connection since a time, by a refresh or a sync. Looks at a sample. Raw SQL: a
 * select without a table.
 */
export const servedOthersSince = (db: Db, since: EpochMs, connectionId: ConnectionId): StoreResult<boolean> =>
  tryD1(db, async () => {
    const row = await db.d1
      .prepare(
        `SELECT EXISTS (SELECT 1 FROM
           (SELECT id, refreshed_at, last_sync_at FROM connections WHERE id > 0 ORDER BY id LIMIT ${SAMPLE})
         WHERE id <> ?2 AND (refreshed_at > ?1 OR last_sync_at > ?1)) AS found`,
      )
      .bind(since, connectionId)
      .first<{ found: number }>();
    return row?.found === 1;
  });
