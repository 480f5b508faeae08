import { is, Placeholder, type Query, type SQL, sql } from 'drizzle-orm';
import { drizzle, type DrizzleD1Database } from 'drizzle-orm/d1';

import type { Db } from './d1.ts';

/**
 * Queries that are built once in an isolate, with placeholders for the values of each call. Building one takes longer
 * than the rest of the Worker's code in a request. So queries of many requests, and all of the refresh protocol, are
 * prepared.
 *
 * Only text, and how to read its rows, is kept: nothing of a request. A prepared statement of D1 is also just a text
 * with values (`cloudflare-internal:d1-api` in workerd), so each call makes its own.
 */
export type Prepared<Values, Row> = {
  /** Builds it ahead of its first use. */
  build: () => void;
  /** Its text with its values, to stand in another statement before all other parameters. */
  part: (values: Values) => { sql: string; values: unknown[] };
  /** The statement with its values, to stand in a batch. */
  bind: (db: Db, values: Values) => D1PreparedStatement;
  /** Runs it; its rows. */
  rows: (db: Db, values: Values) => Promise<Row[]>;
  /** Runs it; its first row, if there is one. */
  first: (db: Db, values: Values) => Promise<Row | undefined>;
  /** Its rows as a batch answered them: objects, so no two of its columns may have the same name. */
  rowsOf: (result: D1Result | undefined) => Row[];
};

/** The placeholder of a value. It is sent as it is: true and false as 1 and 0, other values as SQLite has them. */
export type Param<Values> = <Name extends keyof Values & string>(name: Name) => SQL<Values[Name]>;

type Buildable = {
  prepare: () => {
    getQuery: () => Query;
    mapAllResult: (rows: unknown, isFromBatch?: boolean) => unknown;
    all: () => Promise<unknown>;
  };
};

type RowOf<Built extends Buildable> =
  Awaited<ReturnType<ReturnType<Built['prepare']>['all']>> extends (infer Row)[] ? Row : never;

/**
 * Builds queries. It has no database, because an isolate gets one only with its first request. Drizzle's `prepare`
 * calls D1's with the text, and uses what that returns only to run the query. Each call here runs the text on its own
 * database.
 */
const ORM = drizzle({ prepare: () => undefined } as unknown as D1Database);

/**
 * Prepares a query, which is built at its first use.
 *
 * @param build builds it; `param('name')` is the placeholder of that value. It runs once, so it may depend only on its
 *   parameters
 */
export const prepared = <Values, Built extends Buildable>(
  build: (orm: DrizzleD1Database, param: Param<Values>) => Built,
): Prepared<Values, RowOf<Built>> => {
  const compile = () => {
    const built = build(ORM, (name) => sql`${sql.placeholder(name)}`).prepare();
    const query = built.getQuery();
    return {
      text: query.sql,
      params: query.params.map((param) => (is(param, Placeholder) ? { name: param.name } : { value: param })),
      read: (rows: unknown, isFromBatch: boolean) => built.mapAllResult(rows, isFromBatch) as RowOf<Built>[],
    };
  };
  let kept: ReturnType<typeof compile> | undefined;
  const compiled = () => (kept ??= compile());

  const part = (values: Values) => ({
    sql: compiled().text,
    values: compiled().params.map((param) => ('name' in param ? values[param.name as keyof Values] : param.value)),
  });
  const bind = (db: Db, values: Values): D1PreparedStatement => {
    const { sql: text, values: params } = part(values);
    return db.d1.prepare(text).bind(...params);
  };
  const rows = async (db: Db, values: Values) => compiled().read(await bind(db, values).raw(), false);
  return {
    build: () => void compiled(),
    part,
    bind,
    rows,
    first: async (db, values) => (await rows(db, values))[0],
    rowsOf: (result) => (result === undefined ? [] : compiled().read(result, true)),
  };
};

/**
 * The same for a query that an app waits for in a new isolate: it is built when its module is evaluated, which
 * Cloudflare does ahead of the request. Each takes time that every isolate spends, so it is for `auth`, `callback` and
 * `status` alone.
 */
export const preparedAtStart: typeof prepared = (build) => {
  const query = prepared(build);
  query.build();
  return query;
};
