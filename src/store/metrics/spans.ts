import type { EpochSeconds } from '../../domain/time.ts';
import type { Db, StoreResult } from '../d1.ts';
import { param, run, statementOf } from './read.ts';
import type { Series, SeriesRange } from './series.ts';
import { IS_HEIGHT, manualSources } from './sources-and-heights.ts';

/** How far series reach and how dense they are, estimated from a few of their values. */

/** At so many moments a series is looked at, evenly from its oldest value on. */
const MOMENTS = 4;
/** So many values are read at each. */
export const VALUES_AT_MOMENT = 4;

export type SeriesSample = {
  oldestSeconds: EpochSeconds;
  newestSeconds: EpochSeconds;
  /**
   * How long `VALUES_AT_MOMENT` values take from each moment on; undefined if fewer follow, or if one of them is typed
   * in and those are left out. Empty if it was not looked at.
   */
  seconds: readonly (number | undefined)[];
};

type SampleRow = { oldest: number; newest: number; seconds: string | null };

/**
 * The series that have values in a range, in one round trip. How far each reaches costs two rows. How dense the longest
 * is, or each, costs 16 more.
 */
export const seriesSamples = (
  db: Db,
  { owner, series, fromSeconds, toSeconds, manual }: SeriesRange,
  dense: 'longest' | 'each',
): StoreResult<SeriesSample[]> => {
  const list = series.map(({ rank, type, position, ambiguous, needsHeight }: Series) =>
    [rank, type, position, Number(ambiguous), Number(needsHeight)].map(Math.trunc).join(),
  );
  const end = (direction: 'ASC' | 'DESC') =>
    `(SELECT measured_seconds FROM measurements WHERE ${ofSeries(owner.id, 'series')} AND measured_seconds BETWEEN ${param(owner, 1)} AND ${param(owner, 2)}
      ORDER BY measured_seconds ${direction} LIMIT 1)`;
  const counts = manual ? 'TRUE' : `source_id NOT IN (${manualSources(owner.id)})`;
  const from = (place: number) => `oldest + (newest - oldest) * ${place} / ${MOMENTS}`;
  const looks = Array.from(
    { length: MOMENTS },
    (
      _,
      place,
    ) => `(SELECT iif(count(*) = ${VALUES_AT_MOMENT} AND min(counts), max(measured_seconds) - (${from(place)}), NULL)
      FROM (SELECT measured_seconds, ${counts} AS counts FROM measurements WHERE ${ofSeries(owner.id, 'ends')}
        AND measured_seconds >= ${from(place)} ORDER BY measured_seconds LIMIT ${VALUES_AT_MOMENT}))`,
  );
  const isLooked =
    dense === 'each' ? 'TRUE' : 'rank = (SELECT rank FROM (SELECT rank, max(newest - oldest) FROM ends))';
  const statement = statementOf(db, owner, {
    ctes: `series (rank, type, position, ambiguous, needs_height) AS (VALUES ${list.map((row) => `(${row})`).join()}),
      ends AS MATERIALIZED (
        SELECT rank, type, position, ambiguous, ${end('ASC')} AS oldest, ${end('DESC')} AS newest FROM series
        WHERE NOT needs_height OR (SELECT TRUE FROM measurements WHERE connection_id = ${owner.id} AND ${IS_HEIGHT} LIMIT 1))`,
    sql: `SELECT oldest, newest, iif(${isLooked}, json_array(${looks.join()}), NULL) AS seconds FROM ends WHERE oldest IS NOT NULL`,
    values: [fromSeconds, toSeconds],
  });
  return run(db, {
    statements: [statement],
    of: ([found]) =>
      ((found?.results ?? []) as SampleRow[]).map(({ oldest, newest, seconds }) => ({
        oldestSeconds: oldest,
        newestSeconds: newest,
        seconds: (JSON.parse(seconds ?? '[]') as (number | null)[]).map((one) => one ?? undefined),
      })),
  });
};

const ofSeries = (connectionId: string, table: string): string =>
  ['type', 'position', 'ambiguous'].reduce(
    (conditions, column) => `${conditions} AND measurements.${column} = ${table}.${column}`,
    `measurements.connection_id = ${connectionId}`,
  );
