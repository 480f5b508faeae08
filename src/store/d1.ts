import { drizzle, type DrizzleD1Database } from 'drizzle-orm/d1';

import type { StorageFailure } from '../domain/failure.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import { DAY_MS, type EpochMs, SECOND_MS } from '../domain/time.ts';

/** The database, the clock that its retries go by, and how often one invocation has called it. */
export type Db = {
  d1: D1Database;
  orm: DrizzleD1Database;
  /** Round trips so far. The free plan allows 50 an invocation, so a loop checks this before it continues. */
  calls: { made: number };
  /** Events that this invocation recorded: for each app, the place of the first one. They are sent when it ends. */
  recorded: Map<string, number>;
  now: () => EpochMs;
  /** Stands for D1's own clock in a test; absent elsewhere. */
  databaseNow?: (() => EpochMs) | undefined;
  sleep: (ms: number) => Promise<void>;
};

/** The result of a store function: the rows, or a storage failure. */
export type StoreResult<Value> = Promise<Result<Value, StorageFailure>>;

/** Query builders by binding. All requests of an isolate have the same binding object. */
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
 * Runs one round trip. An error of D1 itself becomes a value. A bug (a statement that does not compile, a violated
 * constraint) throws, because repeating it does not help.
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
 * Like `tryD1`, repeated with growing pauses. Only for idempotent writes: D1 may report an error for a write that it
 * has applied.
 */
export const tryD1Idempotent = async <Value>(db: Db, run: () => Promise<Value>): StoreResult<Value> => {
  for (let attempts = 1; ; attempts += 1) {
    const outcome = await tryD1(db, run);
    if (outcome.ok || attempts >= WRITE_ATTEMPTS) return outcome;
    await db.sleep(FIRST_PAUSE_MS * 4 ** (attempts - 1));
  }
};

/** Turns a builder's query into a statement for a batch. */
export const statement = (db: Db, query: { toSQL: () => { sql: string; params: unknown[] } }): D1PreparedStatement => {
  const { sql, params } = query.toSQL();
  return db.d1.prepare(sql).bind(...params);
};

/**
 * The constraint that rolled a batch back: `UNIQUE connections.app_id`. D1 reports constraints only in the message.
 * Expected violations are lost races, not bugs.
 */
export const violatedConstraint = (error: unknown): string | undefined => {
  const [, kind, column] = /(UNIQUE|NOT NULL) constraint failed: ([\w.]+)/.exec(messageOf(error)) ?? [];
  return kind === undefined ? undefined : `${kind} ${column}`;
};

const PROGRAMMING_ERRORS =
  /syntax error|no such (table|column|function)|constraint failed|datatype mismatch|Wrong number of parameter|D1_TYPE_ERROR/;

const isOurMistake = (error: unknown): boolean => PROGRAMMING_ERRORS.test(messageOf(error));

/** The free plan's daily limit ends at midnight UTC. Other errors of D1 pass quickly. */
const retryAfterSeconds = (error: unknown, now: EpochMs): number =>
  messageOf(error).includes('daily') ? Math.ceil((DAY_MS - (now % DAY_MS)) / SECOND_MS) : 2;

/** Drizzle wraps D1's error as the cause. */
const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} ${messageOf(error.cause)}`;
};
