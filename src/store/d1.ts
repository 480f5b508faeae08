import { drizzle, type DrizzleD1Database } from 'drizzle-orm/d1';

import type { StorageFailure } from '../domain/failure.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import { DAY_MS, type EpochMs, SECOND_MS } from '../domain/time.ts';

/** The database, the clock that its retries go by, and how often one invocation has called it. */
export type Db = {
  d1: D1Database;
  orm: DrizzleD1Database;
  /** Round trips so far. The free plan allows 50 an invocation, so whoever works in a loop looks here before it goes on. */
  calls: { made: number };
  /** Events that this invocation recorded: for each app, the place of the first one. They are sent when it ends. */
  recorded: Map<string, number>;
  now: () => EpochMs;
  /** Stands for D1's own clock in a test; absent elsewhere. */
  databaseNow?: (() => EpochMs) | undefined;
  sleep: (ms: number) => Promise<void>;
};

/** What a store function answers: the rows asked for, or that the storage did not do it. */
export type StoreResult<Value> = Promise<Result<Value, StorageFailure>>;

/** Query builders, by the binding that they write for: a Worker's is the same object for all requests of an isolate. */
const builders = new WeakMap<D1Database, DrizzleD1Database>();

const builderFor = (d1: D1Database): DrizzleD1Database => {
  const builder = builders.get(d1) ?? drizzle(d1);
  builders.set(d1, builder);
  return builder;
};

export const openDatabase = (d1: D1Database, clock: Pick<Db, 'now' | 'sleep' | 'databaseNow'>): Db => ({
  d1,
  orm: builderFor(d1),
  calls: { made: 0 },
  recorded: new Map(),
  now: clock.now,
  databaseNow: clock.databaseNow,
  sleep: clock.sleep,
});

/** The database's clock, as an expression: `place` holds a test's time or null. */
export const databaseClock = (place: string): string =>
  `coalesce(${place}, CAST(unixepoch('subsec') * 1000 AS INTEGER))`;

/**
 * Runs one round trip. D1's own trouble becomes a value; a mistake of ours (a statement that does not compile, a broken constraint)
 * throws, because repeating it helps nobody.
 */
export const tryD1 = async <Value>(db: Db, run: () => Promise<Value>): StoreResult<Value> => {
  db.calls.made += 1;
  try {
    return ok(await run());
  } catch (error) {
    if (isOurMistake(error)) throw error;
    return fail({
      kind: 'storage_unavailable',
      store: 'd1',
      retryAfterSeconds: retryAfterSeconds(error, db.now()),
    });
  }
};

const WRITE_ATTEMPTS = 4;
const FIRST_PAUSE_MS = 50;

/**
 * As `attempt`, repeated with growing pauses. Only for writes that do no harm when they are applied twice: D1 may report an error for a
 * write that it has applied.
 */
export const tryD1Idempotent = async <Value>(db: Db, run: () => Promise<Value>): StoreResult<Value> => {
  for (let attempts = 1; ; attempts += 1) {
    const outcome = await tryD1(db, run);
    if (outcome.ok || attempts >= WRITE_ATTEMPTS) return outcome;
    await db.sleep(FIRST_PAUSE_MS * 4 ** (attempts - 1));
  }
};

/** Turns a query of the builder into a statement, so that it can stand in a batch beside hand-written ones. */
export const statement = (db: Db, query: { toSQL: () => { sql: string; params: unknown[] } }): D1PreparedStatement => {
  const { sql, params } = query.toSQL();
  return db.d1.prepare(sql).bind(...params);
};

/** The constraint that took a batch back: `UNIQUE connections.app_id`. Where it is foreseen, a race lost and no mistake. D1 tells it by text. */
export const violatedConstraint = (error: unknown): string | undefined => {
  const [, kind, column] = /(UNIQUE|NOT NULL) constraint failed: ([\w.]+)/.exec(messageOf(error)) ?? [];
  return kind === undefined ? undefined : `${kind} ${column}`;
};

const PROGRAMMING_ERRORS =
  /syntax error|no such (table|column|function)|constraint failed|datatype mismatch|Wrong number of parameter|D1_TYPE_ERROR/;

const isOurMistake = (error: unknown): boolean => PROGRAMMING_ERRORS.test(messageOf(error));

/** The free plan's daily limit ends at midnight UTC; anything else of D1's passes in moments. */
const retryAfterSeconds = (error: unknown, now: EpochMs): number =>
  messageOf(error).includes('daily') ? Math.ceil((DAY_MS - (now % DAY_MS)) / SECOND_MS) : 2;

/** Drizzle wraps D1's error and keeps it as the cause. */
const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} ${messageOf(error.cause)}`;
};
