import type { ConnectionId } from '../../domain/connection-id.ts';
import { type Db, type StoreResult, tryD1 } from '../d1.ts';

/**
 * Reading body data: statements for one batch, and what their results mean. They are raw SQL, because each
 * begins with the query that finds the owner.
 */
export type Read<Value> = {
  statements: readonly D1PreparedStatement[];
  of: (results: readonly D1Result[]) => Value;
};

/** Whose body data is read: a connection that is known, or that of a request that is admitted in the same batch. */
export type Owner = {
  /** A common table expression that stands before the statement; empty if the connection is known. */
  cte: string;
  /** The connection's id as an expression. Null if the request is not admitted: then no row is read. */
  id: string;
  values: readonly unknown[];
};

/** The state of a connection's data that a caller holds an answer of. */
export type HeldVersion = { connectionId: number; dataVersion: number };

/** Reads something of an owner who is known only when it runs, unless the caller holds it already. */
export type Reader<Value> = { held: HeldVersion | undefined; of: (owner: Owner) => Read<Value> };

export const ownerOf = (connectionId: ConnectionId): Owner => ({ cte: '', id: '?1', values: [connectionId] });

/**
 * The owner that a query finds: one column, at most one row.
 *
 * @param held no row is read while this is still the state of that connection
 */
export const ownerFoundBy = (
  { sql, values }: { sql: string; values: readonly unknown[] },
  held: HeldVersion | undefined,
): Owner => {
  const isChanged = 'NOT EXISTS (SELECT 1 FROM connections WHERE id = ? AND data_version = ?)';
  const found = held === undefined ? sql : `SELECT id FROM (${sql}) WHERE ${isChanged}`;
  return {
    cte: `owner (id) AS MATERIALIZED (${found})`,
    id: '(SELECT id FROM owner)',
    values: held === undefined ? values : [...values, held.connectionId, held.dataVersion],
  };
};

/** The placeholder of a statement's own parameter, from 1. It may stand in several places. */
export const param = ({ values }: Owner, place: number): string => `?${values.length + place}`;

/**
 * A statement about an owner.
 *
 * @param values of its own parameters: see `param`
 * @param ctes the common table expressions that it needs besides
 */
export const statementOf = (
  db: Db,
  owner: Owner,
  { sql, values = [], ctes = '' }: { sql: string; values?: readonly unknown[]; ctes?: string },
): D1PreparedStatement => {
  const tables = [owner.cte, ctes].filter((cte) => cte !== '');
  const before = tables.length === 0 ? '' : `WITH RECURSIVE ${tables.join(', ')} `;
  return db.d1.prepare(before + sql).bind(...owner.values, ...values);
};

/** Runs a read: one round trip. */
export const run = <Value>(db: Db, { statements, of }: Read<Value>): StoreResult<Value> =>
  tryD1(db, async () => of(await db.d1.batch([...statements])));
