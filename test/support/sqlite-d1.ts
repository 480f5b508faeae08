import { readFileSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';

/**
 * A D1 binding over `node:sqlite`, in memory. D1 is SQLite: the statements, the query planner, the constraints and the
 * atomicity of a statement and of a batch are the engine's own. So races between statements come out as they would.
 * Each round trip waits for its turn before it runs, which is where others go first.
 *
 * What it does not reproduce: D1's limits (100 parameters, 2 MB, time), its figures for rows read and written,
 * replication, and several connections to one database: D1 too runs one statement at a time. Test/broker runs the same
 * code on workerd's D1.
 */
export type SqliteD1 = {
  database: DatabaseSync;
  /** A binding for one invocation. `turn` is awaited before each round trip and decides what becomes of it. */
  bind: (turn: Turn) => D1Database;
  /** Runs after every round trip that was carried out, with its statements. */
  observe: (observer: (statements: readonly Sent[]) => void) => void;
  /** What every table holds. */
  rows: () => Rows;
  /** Empties every table, and fills it with these rows. */
  reset: (rows?: Rows) => void;
};

type Rows = { insert: StatementSync; rows: Record<string, SQLOutputValue>[] }[];

/** Undefined lets the round trip through; `refused` and `answer_lost` are D1's two ways of failing. */
export type Turn = (statements: readonly Sent[]) => Promise<'refused' | 'answer_lost' | undefined>;

export type Sent = { sql: string; params: readonly SQLInputValue[] };

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url).href);

/** The migrations in their order, as SQL. */
const migrations = (): string => {
  const journal: { entries: { tag: string }[] } = JSON.parse(readFileSync(`${MIGRATIONS}/meta/_journal.json`, 'utf8'));
  return journal.entries.map(({ tag }) => readFileSync(`${MIGRATIONS}/${tag}.sql`, 'utf8')).join('\n');
};

/** An empty database with the migrations applied. */
export const openSqliteD1 = (): SqliteD1 => {
  const database = new DatabaseSync(':memory:');
  database.exec(migrations());
  const prepared = new Map<string, StatementSync>();
  let observer: (statements: readonly Sent[]) => void = () => undefined;

  const statementOf = (sql: string, asArrays: boolean): StatementSync => {
    const key = `${asArrays}${sql}`;
    const known = prepared.get(key) ?? database.prepare(sql);
    known.setReturnArrays(asArrays);
    prepared.set(key, known);
    return known;
  };
  const execute = ({ sql, params }: Sent, asArrays: boolean): unknown[] => statementOf(sql, asArrays).all(...params);
  const inTransaction = (statements: readonly Sent[]): unknown[][] => {
    database.exec('BEGIN');
    try {
      const results = statements.map((sent) => execute(sent, false));
      database.exec('COMMIT');
      return results;
    } catch (error) {
      database.exec('ROLLBACK');
      throw error;
    }
  };
  const roundTrip = async <Answer>(turn: Turn, sent: readonly Sent[], run: () => Answer): Promise<Answer> => {
    const fate = await turn(sent);
    if (fate === 'refused') throw new Error('D1_ERROR: Network connection lost.');
    let answer: Answer;
    try {
      answer = run();
    } catch (error) {
      throw new Error(`D1_ERROR: ${String(error)}`, { cause: error });
    }
    observer(sent);
    if (fate === 'answer_lost') throw new Error('D1_ERROR: Network connection lost.');
    return answer;
  };

  const bind = (turn: Turn): D1Database => {
    const held = new WeakMap<object, Sent>();
    const prepare = (sent: Sent): D1PreparedStatement => {
      const all = async () => resultOf(await roundTrip(turn, [sent], () => execute(sent, false)));
      const statement = {
        bind: (...params: unknown[]) => prepare({ sql: sent.sql, params: params.map(toSqlite) }),
        all,
        run: all,
        first: async () => (await all()).results[0] ?? null,
        raw: () => roundTrip(turn, [sent], () => execute(sent, true)),
      };
      held.set(statement, sent);
      return statement as unknown as D1PreparedStatement;
    };
    return {
      prepare: (sql: string) => prepare({ sql, params: [] }),
      batch: async (statements: D1PreparedStatement[]) => {
        const sent = statements.flatMap((statement) => held.get(statement) ?? []);
        return (await roundTrip(turn, sent, () => inTransaction(sent))).map(resultOf);
      },
    } as unknown as D1Database;
  };

  const tables = database
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'`)
    .all()
    .map(({ name }) => `"${String(name)}"`);
  const deletions = tables.map((table) => database.prepare(`DELETE FROM ${table}`));
  return {
    database,
    bind,
    observe: (next) => {
      observer = next;
    },
    rows: () =>
      tables.flatMap((table) => {
        const rows = database.prepare(`SELECT * FROM ${table}`).all();
        if (rows[0] === undefined) return [];
        const values = Object.keys(rows[0]).map(() => '?');
        return [{ insert: database.prepare(`INSERT INTO ${table} VALUES (${values.join()})`), rows }];
      }),
    reset: (filled = []) => {
      for (const deletion of deletions) deletion.run();
      for (const { insert, rows } of filled) for (const row of rows) insert.run(...Object.values(row));
    },
  };
};

/** `meta.changes` is not to be relied on. */
const resultOf = (rows: unknown[]) => ({
  results: rows,
  success: true,
  meta: { changes: 0, rows_read: 0, rows_written: 0 },
});

/** D1 takes booleans as numbers. */
const toSqlite = (value: unknown): SQLInputValue =>
  typeof value === 'boolean' ? Number(value) : (value as SQLInputValue);
