import type { EpochSeconds } from '../domain/time.ts';
import { attempt, type Db, type Stored } from './d1.ts';
import type { Source } from './measurements.ts';

/** Reading body data: time ranges of a few series of one connection, merged, a page at a time. */

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

export type SeriesQuery = {
  connectionId: number;
  series: readonly Series[];
  fromSeconds: EpochSeconds;
  toSeconds: EpochSeconds;
  order: 'asc' | 'desc';
  limit: number;
  after: SeriesPlace | undefined;
};

export type SeriesPage = {
  values: SeriesValue[];
  sources: Map<number, Source>;
  /** Every known height, oldest first, in metres. */
  heights: { measuredAtSeconds: EpochSeconds; heightM: number }[];
};

/** Withings' measure type of a height. */
const HEIGHT = 4;
/** D1 compiles at most this many terms into one compound SELECT. */
const MOST_TERMS = 5;
/** People rarely grow: more heights than this are a device's noise, and older ones are left out. */
const MOST_HEIGHTS = 200;
const MOST_SOURCES = 1_000;

/**
 * One page, in one round trip. Up to five series are merged inside SQLite and read one row a value; each further five are merged apart and
 * read at most a page more.
 */
export const readSeries = (db: Db, query: SeriesQuery): Stored<SeriesPage> =>
  attempt(db, async () => {
    const merges = chunk(query.series, MOST_TERMS).map((series) => mergeStatement(db, query, series));
    const [sources, heights, ...pages] = await db.d1.batch([
      sourcesStatement(db, query.connectionId),
      heightsStatement(db, query.connectionId),
      ...merges,
    ]);
    const values = pages.flatMap(({ results }) => (results as ValueRow[]).map(valueOf));
    const sign = query.order === 'asc' ? 1 : -1;
    values.sort(
      (a, b) => sign * (a.measuredAtSeconds - b.measuredAtSeconds || a.groupId - b.groupId) || a.rank - b.rank,
    );
    return {
      values: values.slice(0, query.limit),
      sources: sourcesOf(sources),
      heights: heightsOf(heights),
    };
  });

type ValueRow = {
  rank: number;
  measured_seconds: number;
  group_id: number;
  value: number;
  source_id: number;
};

const valueOf = (row: ValueRow): SeriesValue => ({
  rank: row.rank,
  measuredAtSeconds: row.measured_seconds,
  groupId: row.group_id,
  value: row.value,
  sourceId: row.source_id,
});

const mergeStatement = (db: Db, query: SeriesQuery, series: readonly Series[]): D1PreparedStatement => {
  const terms = series.map((one) => rangeOf(one, query));
  const direction = query.order === 'asc' ? 'ASC' : 'DESC';
  return db.d1
    .prepare(
      `${terms.map(({ sql }) => sql).join('\nUNION ALL\n')}
       ORDER BY measured_seconds ${direction}, group_id ${direction}, rank ASC LIMIT ${Math.trunc(query.limit)}`,
    )
    .bind(...terms.flatMap(({ values }) => values));
};

/** The range of one series that lies in the query's time and after its place. */
const rangeOf = (series: Series, { connectionId, fromSeconds, toSeconds, order, after }: SeriesQuery) => {
  const sql = `SELECT ${Math.trunc(series.rank)} AS rank, measured_seconds, group_id, value, source_id FROM measurements
     WHERE connection_id = ? AND type = ? AND position = ? AND ambiguous = ? AND measured_seconds BETWEEN ? AND ?`;
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

/** The newest value of every whole-body measure type that a connection has, with what explains it. */
export const readLatest = (db: Db, connectionId: number): Stored<LatestPage> =>
  attempt(db, async () => {
    const [sources, heights, latest] = await db.d1.batch([
      sourcesStatement(db, connectionId),
      heightsStatement(db, connectionId),
      db.d1.prepare(LATEST).bind(connectionId),
    ]);
    return {
      values: ((latest?.results ?? []) as (ValueRow & { type: number })[]).map((row) => ({
        ...valueOf({ ...row, rank: 0 }),
        type: row.type,
      })),
      sources: sourcesOf(sources),
      heights: heightsOf(heights),
    };
  });

export type LatestPage = Omit<SeriesPage, 'values'> & { values: (SeriesValue & { type: number })[] };

/** Jumps from type to type along the primary key instead of reading what lies between. */
const LATEST = `
  WITH RECURSIVE types (type) AS (
    SELECT min(type) FROM measurements WHERE connection_id = ?1
    UNION ALL
    SELECT (SELECT min(type) FROM measurements WHERE connection_id = ?1 AND type > types.type) FROM types WHERE types.type IS NOT NULL
  )
  SELECT m.type, m.measured_seconds, m.group_id, m.value, m.source_id
  FROM types CROSS JOIN measurements AS m
    ON m.connection_id = ?1 AND m.type = types.type AND m.position = -1 AND m.ambiguous = 0
   AND (m.measured_seconds, m.group_id) = (
     SELECT measured_seconds, group_id FROM measurements
     WHERE connection_id = ?1 AND type = types.type AND position = -1 AND ambiguous = 0
     ORDER BY measured_seconds DESC, group_id DESC LIMIT 1)
  WHERE types.type IS NOT NULL`;

const sourcesStatement = (db: Db, connectionId: number): D1PreparedStatement =>
  db.d1
    .prepare(
      `SELECT id, attrib, device_hash, model, model_id, time_zone FROM sources WHERE connection_id = ? LIMIT ${MOST_SOURCES}`,
    )
    .bind(connectionId);

const heightsStatement = (db: Db, connectionId: number): D1PreparedStatement =>
  db.d1
    .prepare(
      `SELECT measured_seconds, value FROM measurements
       WHERE connection_id = ? AND type = ${HEIGHT} AND position = -1 AND ambiguous = 0
       ORDER BY measured_seconds DESC LIMIT ${MOST_HEIGHTS}`,
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

const sourcesOf = (result: D1Result | undefined): Map<number, Source> =>
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

const heightsOf = (result: D1Result | undefined): SeriesPage['heights'] =>
  ((result?.results ?? []) as { measured_seconds: number; value: number }[])
    .map((row) => ({
      measuredAtSeconds: row.measured_seconds,
      heightM: row.value,
    }))
    .toReversed();

const chunk = <Item>(items: readonly Item[], size: number): Item[][] => {
  const chunks: Item[][] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
};
