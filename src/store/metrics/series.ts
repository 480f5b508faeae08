import type { Span } from '../../domain/metrics/time-range.ts';
import type { EpochSeconds } from '../../domain/time.ts';
import type { Db } from '../d1.ts';
import { isMeasured } from './measured.ts';
import { type Owner, param, type Read, statementOf } from './read.ts';
import {
  heightsOf,
  heightsStatement,
  IS_HEIGHT,
  manualSources,
  type Source,
  sourcesOf,
  sourcesStatement,
  type StoredHeight,
} from './sources-and-heights.ts';
import { seriesIf } from './stored-series.ts';

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

/** So many series are merged in one statement: all that the catalog knows, with segments and ambiguous values. */
const MAX_MERGED = 125;

/** One page, in one round trip. The series are merged inside SQLite: a row read a value, and one or two a series. */
export const seriesRead = (db: Db, query: SeriesQuery): Read<SeriesPage> =>
  merged(
    db,
    query.owner,
    chunk(query.series, MAX_MERGED).flatMap((series) => [
      mergeStatement(db, query, series),
      ...(query.before === true ? [beforeStatement(db, query, series)] : []),
    ]),
    query.order,
  );

const beforeStatement = (db: Db, query: SeriesQuery, series: readonly Series[]): D1PreparedStatement => {
  const before = { ...query, fromSeconds: Number.MIN_SAFE_INTEGER, toSeconds: query.fromSeconds - 1, undecided: [] };
  return rangeStatement(db, before, unionAll(series.map((one) => endOf(one, before, 'desc'))));
};

/**
 * The oldest and the newest value of each series in a range, in one round trip. It reads two rows of each series, and
 * those that are `undecided`.
 */
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

/**
 * So many series have their ends read in one statement: D1 takes 100,000 bytes, and the two ends of a series are up to
 * 2,400.
 */
const MAX_ENDS = 30;

/** The statements that read the oldest and the newest value of each series. */
const endsStatements = (db: Db, range: SeriesRange): D1PreparedStatement[] =>
  chunk(range.series, MAX_ENDS).map((series) =>
    rangeStatement(
      db,
      range,
      unionAll(series.flatMap((one) => (['asc', 'desc'] as const).map((order) => endOf(one, range, order)))),
    ),
  );

/** D1 compiles at most this many terms into one compound SELECT. */
const MAX_TERMS = 5;

/**
 * A compound of any number of terms: its terms may be compounds, which SQLite takes apart, so that it merges all of
 * them.
 */
const unionAll = (terms: readonly string[]): string =>
  terms.length <= MAX_TERMS
    ? terms.join('\nUNION ALL\n')
    : unionAll(chunk(terms, MAX_TERMS).map((few) => `SELECT * FROM (${unionAll(few)})`));

/** What all terms of a statement have in common. */
type RangeOfTime = Pick<SeriesQuery, 'owner' | 'fromSeconds' | 'toSeconds' | 'after'>;

/** A statement of terms that `rangeOf` made for this range. */
const rangeStatement = (
  db: Db,
  { owner, fromSeconds, toSeconds, after }: RangeOfTime,
  sql: string,
): D1PreparedStatement =>
  statementOf(db, owner, {
    sql,
    values: [fromSeconds, toSeconds, ...(after === undefined ? [] : [after.measuredAtSeconds, after.groupId])],
  });

const endOf = (series: Series, range: SeriesRange, order: SeriesQuery['order']): string => {
  const sql = rangeOf(series, { ...range, order, limit: 1, filledIn: false });
  const direction = order === 'asc' ? 'ASC' : 'DESC';
  return `SELECT * FROM (${sql} ORDER BY measuredAtSeconds ${direction}, groupId ${direction} LIMIT 1 + ${undecidedCount([series], range)})`;
};

/** At least as many as there are values of these series that the caller may leave out. */
const undecidedCount = (series: readonly Series[], { owner, undecided }: SeriesRange): string => {
  if (undecided.length === 0) return '0';
  const counts = undecided.map(
    ({ fromSeconds, toSeconds }) =>
      `(SELECT count(*) FROM measurements AS m WHERE m.connection_id = ${owner.id} AND m.type = series.type AND m.position = series.position
        AND m.ambiguous = series.ambiguous AND m.measured_seconds BETWEEN ${Math.trunc(fromSeconds)} AND ${Math.trunc(toSeconds)})`,
  );
  const list = series.map(({ type, position, ambiguous }) => [type, position, Number(ambiguous)].map(Math.trunc));
  // Of many, the user has few.
  const table =
    series.length > MAX_TERMS
      ? seriesIf('TRUE', owner.id)
      : `series (type, position, ambiguous) AS (VALUES ${list.map((one) => `(${one.join()})`).join()})`;
  return `(WITH RECURSIVE ${table} SELECT coalesce(sum(${counts.join(' + ')}), 0) FROM series)`;
};

/** Named as a `SeriesValue` is: a page of a thousand rows is not made over. */
const VALUE_COLUMNS = 'measured_seconds AS measuredAtSeconds, group_id AS groupId, value, source_id AS sourceId';

const mergeStatement = (db: Db, query: SeriesQuery, series: readonly Series[]): D1PreparedStatement => {
  const direction = query.order === 'asc' ? 'ASC' : 'DESC';
  const limit = `${Math.trunc(query.limit)} + ${undecidedCount(series, query)}`;
  // Each term reads a row even if the request is not admitted. For many terms, one look at the owner costs less.
  const most = series.length > MAX_TERMS ? `iif(${query.owner.id} IS NULL, 0, ${limit})` : limit;
  const terms = unionAll(series.map((one) => rangeOf(one, query)));
  const sql = `${terms} ORDER BY measuredAtSeconds ${direction}, groupId ${direction}, rank ASC LIMIT ${most}`;
  return rangeStatement(db, query, sql);
};

/**
 * The range of one series that lies in the query's time and after its place. Its parameters are those of
 * `rangeStatement`.
 */
const rangeOf = (series: Series, query: Omit<SeriesQuery, 'series'>): string => {
  const { rank, type, position, ambiguous, needsHeight } = series;
  const { owner, order, after } = query;
  // Of the group where the page ended, the series of higher rank are still to come.
  const beyond = `${order === 'asc' ? '>' : '<'}${after !== undefined && rank > after.rank ? '=' : ''}`;
  return `SELECT ${Math.trunc(rank)} AS rank, ${VALUE_COLUMNS} FROM measurements AS m
     WHERE connection_id = ${needsHeight ? ownerIfHeight(owner) : owner.id} AND type = ${Math.trunc(type)} AND position = ${Math.trunc(position)}
       AND ambiguous = ${Number(ambiguous)} AND measured_seconds BETWEEN ${param(owner, 1)} AND ${param(owner, 2)}
     ${conditionsOf(series, query)}
     ${after === undefined ? '' : `AND (measured_seconds, group_id) ${beyond} (${param(owner, 3)}, ${param(owner, 4)})`}`;
};

/** The owner, if a height of theirs is known: without one, no weight is read for a BMI. SQLite looks once. */
const ownerIfHeight = ({ id }: Owner): string =>
  `(SELECT connection_id FROM measurements WHERE connection_id = ${id} AND ${IS_HEIGHT} LIMIT 1)`;

/** What else a value has to be to count. */
const conditionsOf = (
  { type, needsHeight }: Series,
  { owner: { id }, manual, filledIn }: Pick<SeriesQuery, 'owner' | 'manual' | 'filledIn'>,
): string => {
  return [
    ...(manual ? [] : [`AND source_id NOT IN (${manualSources(id)})`]),
    ...(filledIn && !needsHeight ? [] : [`AND ${isMeasured(type)}`]),
  ].join('\n');
};

const chunk = <Item>(items: readonly Item[], size: number): Item[][] => {
  const chunks: Item[][] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
};
