import type { BatchItem } from 'drizzle-orm/batch';
import { drizzle, type DrizzleD1Database } from 'drizzle-orm/d1';

import type { AppId } from '../domain/app-id.ts';
import type { StorageFailure } from '../domain/failure.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { EpochMs } from '../domain/time.ts';
import { messageOf, REPEATS, retryAfterSecondsOf, troubleOf } from './d1-errors.ts';
import { countRows, type D1Memory, recordAnswer, recordTrouble } from './d1-memory.ts';

/** The database, or a session in which a replica answers. */
export type D1 = Pick<D1Database, 'prepare' | 'batch'>;

/** The database, the clock that its retries go by, and how often one invocation has called it. */
export type Db = {
  d1: D1;
  orm: DrizzleD1Database;
  /** Round trips so far. The free plan allows 50 an invocation, so a loop checks this before it continues. */
  calls: { made: number };
  /** Events that this invocation recorded: for each app, the place of the first one. They are sent when it ends. */
  recorded: Map<AppId, number>;
  /** What the isolate remembers of D1's failures. */
  memory: D1Memory;
  now: () => EpochMs;
  /** Stands for D1's own clock in a test; absent elsewhere. */
  databaseNow?: (() => EpochMs) | undefined;
  sleep: (ms: number) => Promise<void>;
  random: (size: number) => Uint8Array;
};

/** The result of a store function: the rows, or a storage failure. */
export type StoreResult<Value> = Promise<Result<Value, StorageFailure>>;

/** What is made once of a binding. All requests of an isolate have the same object; a session has one of its own. */
const opened = new WeakMap<D1, Pick<Db, 'd1' | 'orm' | 'memory'>>();

const openOnce = (binding: D1, memory: D1Memory, now: () => EpochMs) => {
  const before = opened.get(binding);
  if (before?.memory === memory) return before;
  const d1 = countRows(binding, memory, now);
  // Drizzle calls `prepare` and `batch` alone.
  const made = { d1, orm: drizzle(d1 as D1Database), memory };
  opened.set(binding, made);
  return made;
};

export const openDatabase = (
  d1: D1,
  platform: Pick<Db, 'now' | 'sleep' | 'random' | 'databaseNow' | 'memory'>,
): Db => ({
  ...openOnce(d1, platform.memory, platform.now),
  calls: { made: 0 },
  recorded: new Map(),
  now: platform.now,
  databaseNow: platform.databaseNow,
  sleep: platform.sleep,
  random: platform.random,
});

/** The database's clock, as an expression: `place` holds a test's time or null. */
export const databaseClock = (place: string): string =>
  `coalesce(${place}, CAST(unixepoch('subsec') * 1000 AS INTEGER))`;

/**
 * Runs one round trip. An error of D1 itself becomes a value. A bug (a statement that does not compile, a violated
 * constraint) throws, because repeating it does not help.
 */
export const tryD1 = async <Value>(db: Db, run: () => Promise<Value>): StoreResult<Value> => {
  db.calls.made += 1;
  try {
    const value = await run();
    recordAnswer(db.memory);
    return ok(value);
  } catch (error) {
    const trouble = troubleOf(error);
    if (trouble === 'mistake') throw error;
    recordTrouble(db.memory, trouble, db.now());
    const retryAfterSeconds = retryAfterSecondsOf(trouble, db.now());
    return fail({ kind: 'storage_unavailable', store: 'd1', trouble, retryAfterSeconds });
  }
};

/**
 * Like `tryD1`, retried with growing pauses. Only for idempotent writes: D1 may report an error for a write that it has
 * applied. A pause is shortened by up to half at random, so that callers that failed together do not retry together.
 */
export const tryD1Idempotent = async <Value>(db: Db, run: () => Promise<Value>): StoreResult<Value> => {
  for (let attempts = 1; ; attempts += 1) {
    const outcome = await tryD1(db, run);
    if (outcome.ok) return outcome;
    const repeats = REPEATS[outcome.failure.trouble ?? 'transient'];
    if (repeats === undefined || attempts >= repeats.attempts) return outcome;
    const [cut = 0] = db.random(1);
    await db.sleep(Math.ceil(repeats.firstPauseMs * 4 ** (attempts - 1) * (1 - cut / 512)));
  }
};

/**
 * How many rows a statement with RETURNING changed. `meta.changes` is not used: its value in production is not
 * documented precisely.
 */
export const returnedRows = (result: D1Result | undefined): number => result?.results.length ?? 0;

/** The statement that counts what the statement before it in a batch changed, if that is too much to return. */
export const countChanges = (db: Db): D1PreparedStatement => db.d1.prepare('SELECT changes() AS changed');

/** The result of `countChanges`. */
export const changedRows = (result: D1Result | undefined): number =>
  (result?.results as { changed: number }[] | undefined)?.[0]?.changed ?? 0;

/** Turns a builder's query into a statement for a batch. */
export const statement = (db: Db, query: { toSQL: () => { sql: string; params: unknown[] } }): D1PreparedStatement => {
  const { sql, params } = query.toSQL();
  return db.d1.prepare(sql).bind(...params);
};

/**
 * Runs a builder's query that reads many rows; its rows. As a batch of one, because `countRows` sees no row of a query
 * that Drizzle runs alone. No two of its columns may have the same name.
 */
export const countedRows = async <Query extends BatchItem<'sqlite'>>(
  db: Db,
  query: Query,
): Promise<Query['_']['result']> => (await db.orm.batch([query]))[0];

/**
 * The constraint that rolled a batch back: `UNIQUE connections.app_id`. D1 reports constraints only in the message.
 * Expected violations are lost races, not bugs.
 */
export const violatedConstraint = (error: unknown): string | undefined => {
  const [, kind, column] = /(UNIQUE|NOT NULL) constraint failed: ([\w.]+)/.exec(messageOf(error)) ?? [];
  return kind === undefined ? undefined : `${kind} ${column}`;
};
