import { inArray } from 'drizzle-orm';

import { dayOf, type Rows } from '../../domain/rows-used.ts';
import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { prepared } from '../prepared.ts';
import { requestBudgets } from '../schema/connections.ts';
import { inUse, SHARE_NAMES, type ShareName, type Share } from '../tokens/withings-quota.ts';
import { STATE_VALUE } from './broker-state.ts';
import { rowsUsedOf } from './rows-used.ts';

/** What the broker holds, and what it uses of Withings' requests. */
export type Resources = {
  databaseBytes: number;
  /** Apps and current connections, each up to a limit. */
  apps: number;
  users: number;
  /** Requests of each share that have not come back yet. */
  requests: Record<ShareName, number>;
  /** Rows read and written today, as far as they were counted. */
  rows: Rows;
};

const EMPTY_AT = prepared((orm) =>
  orm
    .select({ name: requestBudgets.name, emptyAt: requestBudgets.emptyAt })
    .from(requestBudgets)
    .where(inArray(requestBudgets.name, [...SHARE_NAMES])),
);

/** Reads them in one round trip: at most `most` entries each of two indexes, and a row for each share. */
export const resources = (
  db: Db,
  shares: Record<ShareName, Share>,
  most: number,
  now: EpochMs,
): StoreResult<Resources> =>
  tryD1(db, async () => {
    const [counts, budgets, rows] = await db.d1.batch([
      // Raw SQL: the builder has no select without a table.
      db.d1
        .prepare(
          `SELECT (SELECT count(*) FROM (SELECT 1 FROM apps WHERE id > '' LIMIT ?1)) AS apps,
             (SELECT count(*) FROM (SELECT 1 FROM connections WHERE app_id > '' AND is_current = 1 AND is_demo = 0 LIMIT ?1)) AS users`,
        )
        .bind(most),
      EMPTY_AT.bind(db, {}),
      STATE_VALUE.bind(db, { name: 'rows' }),
    ]);
    const [row] = (counts?.results ?? []) as { apps: number; users: number }[];
    const emptyAt = new Map(EMPTY_AT.rowsOf(budgets).map((one) => [one.name, one.emptyAt]));
    const requests = SHARE_NAMES.map((name) => [name, inUse(name, shares[name], emptyAt.get(name) ?? 0, now)] as const);
    return {
      databaseBytes: counts?.meta.size_after ?? 0,
      apps: row?.apps ?? 0,
      users: row?.users ?? 0,
      requests: Object.fromEntries(requests) as Record<ShareName, number>,
      rows: rowsUsedOf(STATE_VALUE.rowsOf(rows)[0]?.value, dayOf(now)),
    };
  });
