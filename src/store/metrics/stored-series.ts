import type { ConnectionId } from '../../domain/connection-id.ts';
import type { StoredSeries } from '../../domain/metrics/metric-query.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import type { measurements } from '../schema/body-data.ts';
import type { RawRow } from '../schema/raw-row.ts';

/**
 * Which series a connection has. Jumps from one to the next along the primary key: a row or two read for each. Raw SQL,
 * because the builder has no recursion.
 */
export const storedSeries = (db: Db, connectionId: ConnectionId): StoreResult<StoredSeries[]> =>
  tryD1(db, async () => {
    const { results } = await db.d1
      .prepare(`${seriesIf('TRUE')} SELECT type, position, ambiguous FROM series WHERE type IS NOT NULL`)
      .bind(connectionId)
      .all<Pick<RawRow<typeof measurements>, 'type' | 'position' | 'ambiguous'>>();
    return results.map(({ type, position, ambiguous }) => ({ type, position, ambiguous: ambiguous === 1 }));
  });

/**
 * The series of a connection, each found from the one before by one lookup in the primary key. SQLite starts a range
 * over several columns at the values themselves and steps over equal rows. So the lookup starts after every possible
 * time of the series before. There are none without the condition.
 */
export const seriesIf = (condition: string): string => `
  WITH RECURSIVE found (series) AS (
    SELECT (SELECT json_array(type, position, ambiguous) FROM measurements WHERE connection_id = ?1
      ORDER BY type, position, ambiguous LIMIT 1) WHERE ${condition}
    UNION ALL
    SELECT (SELECT json_array(type, position, ambiguous) FROM measurements
      WHERE connection_id = ?1 AND (type, position, ambiguous, measured_seconds) > (series ->> 0, series ->> 1, series ->> 2, ${Number.MAX_SAFE_INTEGER})
      ORDER BY type, position, ambiguous LIMIT 1)
    FROM found WHERE series IS NOT NULL
  ),
  series (type, position, ambiguous) AS (SELECT series ->> 0, series ->> 1, series ->> 2 FROM found WHERE series IS NOT NULL)`;
