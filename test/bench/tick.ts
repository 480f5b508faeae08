import { compose } from '../../src/compose.ts';
import type { Bindings } from '../../src/config.ts';
import { tick } from '../../src/cron.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { createMemoryKv } from '../support/memory-kv.ts';
import { settings } from './record.ts';

/** What one tick of the cron read and wrote, by D1's own count. */
export type TickCost = {
  due: number;
  handled: number;
  rowsRead: number;
  rowsReadToFindTheWork: number;
  rowsWritten: number;
};

/** The connections that are made due. */
const FIRST = 101;
const DUE = 20;

/** Makes 20 of the connections due and runs a tick over all that there are. */
export const tickCost = async (db: D1Database): Promise<TickCost> => {
  const now = Date.now();
  const meter = meterD1(db);
  const deps = await compose(
    { ...settings('https://withings.invalid'), DB: meter.d1, LINKS: createMemoryKv() } satisfies Bindings,
    () => undefined,
    {
      fetch: () => Promise.reject(new TypeError('nothing is sent: the seals do not open')),
      now: () => now,
      sleep: async () => undefined,
      random: (size) => crypto.getRandomValues(new Uint8Array(size)),
      log: () => undefined,
    },
  );
  if (!deps.ok) throw new Error(deps.failure);
  // Every seal is broken on purpose: each due connection is leased, looked at and given a verdict, at no cost but the
  // database's.
  await db
    .prepare(
      `UPDATE connections SET state = 'active', next_refresh_at = ?1, in_doubt_since = NULL, refresh_lease_id = NULL,
        refresh_lease_until = NULL WHERE id >= ?2 AND id < ?2 + ${DUE}`,
    )
    .bind(now - 1, FIRST)
    .run();
  await tick(deps.value);
  const left = await db
    .prepare(`SELECT count(*) AS due FROM connections WHERE id >= ?1 AND id < ?1 + ${DUE} AND next_refresh_at <= ?2`)
    .bind(FIRST, now)
    .first<{ due: number }>();
  return {
    due: DUE,
    handled: DUE - (left?.due ?? 0),
    rowsRead: meter.rowsRead(),
    rowsReadToFindTheWork: meter.statements.slice(0, 2).reduce((sum, { rowsRead }) => sum + rowsRead, 0),
    rowsWritten: meter.rowsWritten(),
  };
};
