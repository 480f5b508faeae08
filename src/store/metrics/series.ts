import { MANUAL_ATTRIBS } from '../../domain/metrics/measurement.ts';
import type { Span } from '../../domain/metrics/time-range.ts';
import type { EpochSeconds } from '../../domain/time.ts';
import type { Db } from '../d1.ts';
import { isMeasured } from './measured.ts';
import { type Owner, type Read, statementOf } from './read.ts';
import {
  heightsOf,
  heightsStatement,
  IS_HEIGHT,
  type Source,
  sourcesOf,
  sourcesStatement,
  type StoredHeight,
} from './sources-and-heights.ts';

/** Reading body data: time ranges of a few series of one connection, merged, a page at a time. */

/** One run of the primary key: one measure type at one position. */
export type Series = {
  /** Told back with each value; values of one group come in this order. */
  rank: number;
  type: number;
  position: number;
  ambiguous: boolean;
  /** Whether its values count with a height only: weights that a BMI is computed from. */
  needsHeight: boolean;
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
  owner: Owner;
  series: readonly Series[];
  fromSeconds: EpochSeconds;
  toSeconds: EpochSeconds;
  /** Whether typed-in values count. */
  manual: boolean;
  /** Parts of the time whose values the caller may leave out: a limit holds without them. */
  undecided: readonly Span[];
};

export type SeriesQuery = SeriesRange & {
  order: 'asc' | 'desc';
  limit: number;
  after?: SeriesPlace | undefined;
  /** Whether filled-in values count. */
  filledIn: boolean;
  /** Whether the newest value of each series before the range is read too. */
  before?: boolean;
};

export type SeriesPage = {
  values: SeriesValue[];
  sources: Map<number, Source>;
  /** The heights that a BMI may take, oldest first. */
  heights: StoredHeight[];
};

/** D1 compiles at most this many terms into one compound SELECT. */
const MAX_TERMS = 5;
/**
 * One page, in one round trip. Up to five series are merged inside SQLite and read one row a value; each further five are merged apart and
 * read at most a page more. It holds more than `limit` where `undecided` has values.
 */
export const seriesRead = (db: Db, query: SeriesQuery): Read<SeriesPage> =>
  merged(
    db,
    query.owner,
    chunk(query.series, MAX_TERMS).flatMap((series) => [
      mergeStatement(db, query, series),
      ...(query.before === true ? [beforeStatement(db, query, series)] : []),
    ]),
    query.order,
  );

const beforeStatement = (db: Db, query: SeriesQuery, series: readonly Series[]): D1PreparedStatement => {
  const before = { ...query, fromSeconds: Number.MIN_SAFE_INTEGER, toSeconds: query.fromSeconds - 1, undecided: [] };
  return unionOf(
    db,
    query.owner,
    series.map((one) => endOf(one, before, 'desc')),
  );
};

/** A terms pair per series: its oldest and its newest value in the range. */
const SERIES_PER_ENDS_STATEMENT = 2;

/** The oldest and the newest value of each series in a range, in one round trip: two rows read a series, and those that are `undecided`. */
export const endsRead = (db: Db, range: SeriesRange): Read<SeriesPage> =>
  merged(db, range.owner, endsStatements(db, range), 'asc');

/** The values of several statements in one order, with what explains them. */
const merged = (
  db: Db,
  owner: Owner,
  statements: readonly D1PreparedStatement[],
  order: SeriesQuery['order'],
): Read<SeriesPage> => ({
  statements: [sourcesStatement(db, owner), heightsStatement(db, owner), ...statements],
  of: ([sources, heights, ...pages]) => {
    const values = pages.flatMap(({ results }) => results as SeriesValue[]);
    const sign = order === 'asc' ? 1 : -1;
    values.sort(
      (a, b) => sign * (a.measuredAtSeconds - b.measuredAtSeconds || a.groupId - b.groupId) || a.rank - b.rank,
    );
    return { values, sources: sourcesOf(sources), heights: heightsOf(heights) };
  },
});

/** The statements that read the oldest and the newest value of each series. */
export const endsStatements = (db: Db, range: SeriesRange): D1PreparedStatement[] =>
  chunk(range.series, SERIES_PER_ENDS_STATEMENT).map((series) => endsStatement(db, range, series));

const endsStatement = (db: Db, range: SeriesRange, series: readonly Series[]): D1PreparedStatement => {
  const terms = series.flatMap((one) => (['asc', 'desc'] as const).map((order) => endOf(one, range, order)));
  return unionOf(db, range.owner, terms);
};

type Term = { sql: string; values: readonly number[] };

const unionOf = (db: Db, owner: Owner, terms: readonly Term[], order = ''): D1PreparedStatement =>
  statementOf(
    db,
    owner,
    `${terms.map(({ sql }) => sql).join('\nUNION ALL\n')} ${order}`,
    terms.flatMap(({ values }) => values),
  );

const endOf = (series: Series, range: SeriesRange, order: SeriesQuery['order']): Term => {
  const { sql, values } = rangeOf(series, { ...range, order, limit: 1, filledIn: false });
  const direction = order === 'asc' ? 'ASC' : 'DESC';
  return {
    sql: `SELECT * FROM (${sql} ORDER BY measuredAtSeconds ${direction}, groupId ${direction} LIMIT 1 + ${undecidedCount(series, range)})`,
    values,
  };
};

/** How many values of a series the caller may leave out. */
const undecidedCount = ({ type, position, ambiguous }: Series, { owner, undecided }: SeriesRange): string => {
  const counts = undecided.map(
    ({ fromSeconds, toSeconds }) =>
      `(SELECT count(*) FROM measurements WHERE connection_id = ${owner.id} AND type = ${Math.trunc(type)}
        AND position = ${Math.trunc(position)} AND ambiguous = ${Number(ambiguous)}
        AND measured_seconds BETWEEN ${Math.trunc(fromSeconds)} AND ${Math.trunc(toSeconds)})`,
  );
  return counts.length === 0 ? '0' : counts.join(' + ');
};

/** Named as a `SeriesValue` is: a page of a thousand rows is not made over. */
const VALUE_COLUMNS = 'measured_seconds AS measuredAtSeconds, group_id AS groupId, value, source_id AS sourceId';

const mergeStatement = (db: Db, query: SeriesQuery, series: readonly Series[]): D1PreparedStatement => {
  const terms = series.map((one) => rangeOf(one, query));
  const direction = query.order === 'asc' ? 'ASC' : 'DESC';
  const undecided = series.map((one) => undecidedCount(one, query)).join(' + ');
  return unionOf(
    db,
    query.owner,
    terms,
    `ORDER BY measuredAtSeconds ${direction}, groupId ${direction}, rank ASC LIMIT ${Math.trunc(query.limit)} + ${undecided}`,
  );
};

/** The range of one series that lies in the query's time and after its place. */
const rangeOf = (series: Series, query: Omit<SeriesQuery, 'series'>): Term => {
  const { owner, fromSeconds, toSeconds, order, after } = query;
  const sql = `SELECT ${Math.trunc(series.rank)} AS rank, ${VALUE_COLUMNS} FROM measurements AS m
     WHERE connection_id = ${owner.id} AND type = ? AND position = ? AND ambiguous = ? AND measured_seconds BETWEEN ? AND ?
     ${conditionsOf(series, query)}`;
  const values = [series.type, series.position, Number(series.ambiguous), fromSeconds, toSeconds];
  if (after === undefined) return { sql, values };
  // Of the group where the page ended, the series of higher rank are still to come.
  const inclusive = series.rank > after.rank ? '=' : '';
  const beyond = order === 'asc' ? '>' : '<';
  return {
    sql: `${sql} AND (measured_seconds, group_id) ${beyond}${inclusive} (?, ?)`,
    values: [...values, after.measuredAtSeconds, after.groupId],
  };
};

/** What else a value has to be to count. SQLite looks for the height once; an `EXISTS` it would turn into a look for every value. */
const conditionsOf = (
  { type, needsHeight }: Series,
  { owner: { id }, manual, filledIn }: Pick<SeriesQuery, 'owner' | 'manual' | 'filledIn'>,
): string => {
  const manualSources = `SELECT id FROM sources WHERE connection_id = ${id} AND attrib IN (${MANUAL_ATTRIBS.join(',')})`;
  return [
    ...(manual ? [] : [`AND source_id NOT IN (${manualSources})`]),
    ...(filledIn && !needsHeight ? [] : [`AND ${isMeasured(type)}`]),
    ...(needsHeight
      ? [`AND (SELECT TRUE FROM measurements WHERE connection_id = ${id} AND ${IS_HEIGHT} LIMIT 1)`]
      : []),
  ].join('\n');
};

const chunk = <Item>(items: readonly Item[], size: number): Item[][] => {
  const chunks: Item[][] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
};
