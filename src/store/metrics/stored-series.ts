import type { ConnectionId } from '../../domain/connection-id.ts';
import type { StoredSeries } from '../../domain/metrics/metric-query.ts';
import type { Db, StoreResult } from '../d1.ts';
import type { measurements } from '../schema/body-data.ts';
import type { RawRow } from '../schema/raw-row.ts';
import { type Owner, ownerOf, type Read, run, statementOf } from './read.ts';

type SeriesRow = Pick<RawRow<typeof measurements>, 'type' | 'position' | 'ambiguous'>;

/**
 * Which series a connection has. Jumps from one to the next along the primary key: a row or two read for each. Raw SQL,
 * because the builder has no recursion.
 */
export const storedSeriesRead = (db: Db, owner: Owner): Read<StoredSeries[]> => ({
  statements: [
    statementOf(db, owner, { ctes: seriesIf('TRUE', owner.id), sql: 'SELECT type, position, ambiguous FROM series' }),
  ],
  of: ([found]) =>
    ((found?.results ?? []) as SeriesRow[]).map(({ ambiguous, ...series }) => ({
      ...series,
      ambiguous: ambiguous === 1,
    })),
});

export const storedSeries = (db: Db, connectionId: ConnectionId): StoreResult<StoredSeries[]> =>
  run(db, storedSeriesRead(db, ownerOf(connectionId)));

/**
 * The series of a connection as common table expressions, each found from the one before by one lookup in the primary
 * key. SQLite starts a range over several columns at the values themselves and steps over equal rows. So the lookup
 * starts after every possible time of the series before. There are none without the condition.
 */
export const seriesIf = (condition: string, connectionId: string): string => `
  found (series) AS (
    SELECT (SELECT json_array(type, position, ambiguous) FROM measurements WHERE connection_id = ${connectionId}
      ORDER BY type, position, ambiguous LIMIT 1) WHERE ${condition}
    UNION ALL
    SELECT (SELECT json_array(type, position, ambiguous) FROM measurements
      WHERE connection_id = ${connectionId} AND (type, position, ambiguous, measured_seconds) > (series ->> 0, series ->> 1, series ->> 2, ${Number.MAX_SAFE_INTEGER})
      ORDER BY type, position, ambiguous LIMIT 1)
    FROM found WHERE series IS NOT NULL
  ),
  series (type, position, ambiguous) AS (SELECT series ->> 0, series ->> 1, series ->> 2 FROM found WHERE series IS NOT NULL)`;
