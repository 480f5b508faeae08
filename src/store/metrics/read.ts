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

/** Reads something of an owner who is known only when it runs. */
export type Reader<Value> = (owner: Owner) => Read<Value>;

export const ownerOf = (connectionId: ConnectionId): Owner => ({ cte: '', id: '?1', values: [connectionId] });

/** The owner that a query finds: one column, at most one row. */
export const ownerFoundBy = ({ sql, values }: { sql: string; values: readonly unknown[] }): Owner => ({
  cte: `WITH owner (id) AS MATERIALIZED (${sql})`,
  id: '(SELECT id FROM owner)',
  values,
});

/** A statement about an owner. Its own parameters are `?` without numbers. */
export const statementOf = (db: Db, owner: Owner, sql: string, values: readonly unknown[] = []): D1PreparedStatement =>
  db.d1.prepare(`${owner.cte} ${sql}`).bind(...owner.values, ...values);

/** Runs a read: one round trip. */
export const run = <Value>(db: Db, { statements, of }: Read<Value>): StoreResult<Value> =>
  tryD1(db, async () => of(await db.d1.batch([...statements])));
