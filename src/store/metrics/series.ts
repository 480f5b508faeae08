import { MANUAL_ATTRIBS, type MeasurementGroup } from '../../domain/metrics/measurement.ts';
import type { EpochSeconds } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';

/** Reading body data: time ranges of a few series of one connection, merged, a page at a time. */

/** Where a group's values came from, under an id that follows from the rest. */
export type Source = MeasurementGroup['source'] & { id: number };

/** One run of the primary key: one measure type at one position. */
export type Series = {
  /** Told back with each value; values of one group come in this order. */
  rank: number;
  type: number;
  position: number;
  ambiguous: boolean;
};

/** A stored value with its place in the answer's order. */
export type SeriesValue = {
  rank: number;
  measuredAtSeconds: EpochSeconds;
  groupId: number;
  value: number;
  sourceId: number;
};

/** Where a page ended. */
export type SeriesPlace = Pick<SeriesValue, 'measuredAtSeconds' | 'groupId' | 'rank'>;

/** Which values of one connection are meant. */
export type SeriesRange = {
  connectionId: number;
  series: readonly Series[];
  fromSeconds: EpochSeconds;
  toSeconds: EpochSeconds;
  /** Whether values that somebody typed in count. */
  manual: boolean;
};

export type SeriesQuery = SeriesRange & {
  order: 'asc' | 'desc';
  limit: number;
  after?: SeriesPlace | undefined;
};

/** A height in metres, and the group it came with. */
export type StoredHeight = { measuredAtSeconds: EpochSeconds; heightM: number; groupId: number };

export type SeriesPage = {
  values: SeriesValue[];
  sources: Map<number, Source>;
  /** Every known height, oldest first. */
  heights: StoredHeight[];
};

/** Withings' measure type of a height. */
const HEIGHT = 4;
/** D1 compiles at most this many terms into one compound SELECT. */
const MAX_TERMS = 5;
/** People rarely grow: more heights than this are a device's noise, and older ones are left out. */
const MAX_HEIGHTS = 200;
const MAX_SOURCES = 1_000;

/**
 * One page, in one round trip. Up to five series are merged inside SQLite and read one row a value; each further five are merged apart and
 * read at most a page more.
 */
export const readSeries = (db: Db, query: SeriesQuery): StoreResult<SeriesPage> =>
  tryD1(db, async () => {
    const merges = chunk(query.series, MAX_TERMS).map((series) => mergeStatement(db, query, series));
    const [sources, heights, ...pages] = await db.d1.batch([
      sourcesStatement(db, query.connectionId),
      heightsStatement(db, query.connectionId),
      ...merges,
    ]);
    const values = pages.flatMap(({ results }) => results as SeriesValue[]);
    const sign = query.order === 'asc' ? 1 : -1;
    values.sort(
      (a, b) => sign * (a.measuredAtSeconds - b.measuredAtSeconds || a.groupId - b.groupId) || a.rank - b.rank,
    );
    return { values: values.slice(0, query.limit), sources: sourcesOf(sources), heights: heightsOf(heights) };
  });

/** A terms pair per series: its oldest and its newest value in the range. */
const SERIES_PER_ENDS_STATEMENT = 2;

/** The oldest and the newest value of each series in a range, in one round trip: two rows read a series. */
export const readEnds = (db: Db, range: SeriesRange): StoreResult<SeriesPage> =>
  tryD1(db, async () => {
    const ends = chunk(range.series, SERIES_PER_ENDS_STATEMENT).map((series) => endsStatement(db, range, series));
    const [sources, heights, ...pages] = await db.d1.batch([
      sourcesStatement(db, range.connectionId),
      heightsStatement(db, range.connectionId),
      ...ends,
    ]);
    const values = pages.flatMap(({ results }) => results as SeriesValue[]);
    return { values, sources: sourcesOf(sources), heights: heightsOf(heights) };
  });

const endsStatement = (db: Db, range: SeriesRange, series: readonly Series[]): D1PreparedStatement => {
  const terms = series.flatMap((one) =>
    (['ASC', 'DESC'] as const).map((direction) => {
      const { sql, values } = rangeOf(one, { ...range, order: 'asc', limit: 1 });
      return {
        sql: `SELECT * FROM (${sql} ORDER BY measuredAtSeconds ${direction}, groupId ${direction} LIMIT 1)`,
        values,
      };
    }),
  );
  return db.d1
    .prepare(terms.map(({ sql }) => sql).join('\nUNION ALL\n'))
    .bind(...terms.flatMap(({ values }) => values));
};

/** Which series a connection has. Jumps from one to the next along the primary key: a row or two read for each. */
export const storedSeries = (db: Db, connectionId: number): StoreResult<Omit<Series, 'rank'>[]> =>
  tryD1(db, async () => {
    const { results } = await db.d1
      .prepare(`${SERIES} SELECT type, position, ambiguous FROM series WHERE type IS NOT NULL`)
      .bind(connectionId)
      .all<{ type: number; position: number; ambiguous: number }>();
    return results.map(({ type, position, ambiguous }) => ({ type, position, ambiguous: ambiguous === 1 }));
  });

/** Named as a `SeriesValue` is: a page of a thousand rows is not made over. */
const VALUE_COLUMNS = 'measured_seconds AS measuredAtSeconds, group_id AS groupId, value, source_id AS sourceId';

const mergeStatement = (db: Db, query: SeriesQuery, series: readonly Series[]): D1PreparedStatement => {
  const terms = series.map((one) => rangeOf(one, query));
  const direction = query.order === 'asc' ? 'ASC' : 'DESC';
  return db.d1
    .prepare(
      `${terms.map(({ sql }) => sql).join('\nUNION ALL\n')}
       ORDER BY measuredAtSeconds ${direction}, groupId ${direction}, rank ASC LIMIT ${Math.trunc(query.limit)}`,
    )
    .bind(...terms.flatMap(({ values }) => values));
};

/** The range of one series that lies in the query's time and after its place. */
const rangeOf = (series: Series, { connectionId, fromSeconds, toSeconds, manual, order, after }: SeriesQuery) => {
  const sql = `SELECT ${Math.trunc(series.rank)} AS rank, ${VALUE_COLUMNS} FROM measurements
     WHERE connection_id = ? AND type = ? AND position = ? AND ambiguous = ? AND measured_seconds BETWEEN ? AND ?
     ${manual ? '' : `AND source_id NOT IN (SELECT id FROM sources WHERE connection_id = ${Math.trunc(connectionId)} AND attrib IN (${MANUAL_ATTRIBS.join(',')}))`}`;
  const values = [connectionId, series.type, series.position, Number(series.ambiguous), fromSeconds, toSeconds];
  if (after === undefined) return { sql, values };
  // Of the group where the page ended, the series of higher rank are still to come.
  const inclusive = series.rank > after.rank ? '=' : '';
  const beyond = order === 'asc' ? '>' : '<';
  return {
    sql: `${sql} AND (measured_seconds, group_id) ${beyond}${inclusive} (?, ?)`,
    values: [...values, after.measuredAtSeconds, after.groupId],
  };
};

/**
 * The series of a connection, each found from the one before by one look into the primary key. SQLite begins a range over several columns at
 * the values themselves and steps over what equals them, so the look begins behind every moment of the series before.
 */
export const SERIES = `
  WITH RECURSIVE found (series) AS (
    SELECT (SELECT json_array(type, position, ambiguous) FROM measurements WHERE connection_id = ?1
      ORDER BY type, position, ambiguous LIMIT 1)
    UNION ALL
    SELECT (SELECT json_array(type, position, ambiguous) FROM measurements
      WHERE connection_id = ?1 AND (type, position, ambiguous, measured_seconds) > (series ->> 0, series ->> 1, series ->> 2, ${Number.MAX_SAFE_INTEGER})
      ORDER BY type, position, ambiguous LIMIT 1)
    FROM found WHERE series IS NOT NULL
  ),
  series (type, position, ambiguous) AS (SELECT series ->> 0, series ->> 1, series ->> 2 FROM found WHERE series IS NOT NULL)`;

export const sourcesStatement = (db: Db, connectionId: number): D1PreparedStatement =>
  db.d1
    .prepare(
      `SELECT id, attrib, device_hash, model, model_id, time_zone FROM sources WHERE connection_id = ? LIMIT ${MAX_SOURCES}`,
    )
    .bind(connectionId);

export const heightsStatement = (db: Db, connectionId: number): D1PreparedStatement =>
  db.d1
    .prepare(
      `SELECT measured_seconds, value, group_id FROM measurements
       WHERE connection_id = ? AND type = ${HEIGHT} AND position = -1 AND ambiguous = 0
       ORDER BY measured_seconds DESC, group_id DESC LIMIT ${MAX_HEIGHTS}`,
    )
    .bind(connectionId);

type SourceRow = {
  id: number;
  attrib: number;
  device_hash: string | null;
  model: string | null;
  model_id: number | null;
  time_zone: string;
};

export const sourcesOf = (result: D1Result | undefined): Map<number, Source> =>
  new Map(
    ((result?.results ?? []) as SourceRow[]).map((row) => [
      row.id,
      {
        id: row.id,
        attrib: row.attrib,
        deviceId: row.device_hash,
        model: row.model,
        modelId: row.model_id,
        timeZone: row.time_zone,
      },
    ]),
  );

export const heightsOf = (result: D1Result | undefined): SeriesPage['heights'] =>
  ((result?.results ?? []) as { measured_seconds: number; value: number; group_id: number }[])
    .map((row) => ({ measuredAtSeconds: row.measured_seconds, heightM: row.value, groupId: row.group_id }))
    .toReversed();

const chunk = <Item>(items: readonly Item[], size: number): Item[][] => {
  const chunks: Item[][] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
};
