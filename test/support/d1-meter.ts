import { createTripLog, type TripLog } from './trips.ts';

/**
 * A D1 binding that counts what goes through it, and fails where a test says so. Rows are D1's own figures, the ones it
 * bills.
 *
 * Drizzle reads through `.raw()`, which carries no figures; here it goes through `.all()`, which does. That keys rows
 * by column name, so a select in which two columns have one name is wrapped in another that makes SQLite tell them
 * apart.
 */

/** One statement as it ran. */
export type MeteredStatement = { sql: string; params: unknown[]; rowsRead: number; rowsWritten: number };

/** One round trip about to be made: its number since the last reset, from 1, and what it holds. */
export type D1Call = { number: number; statements: readonly string[] };

/**
 * What becomes of a round trip. It is refused, in words of its own or as a lost connection. Or the database does not
 * know its statement. Or it is carried out and its answer lost. Or its invocation dies before or after it was carried
 * out.
 */
export type D1Fault = 'refused' | 'mistaken' | 'answer_lost' | 'dies_before' | 'dies_after' | Error | undefined;

export type D1Meter = {
  d1: D1Database;
  /** What ran since the last reset. */
  statements: MeteredStatement[];
  /** Round trips since the last reset, failed ones included: a batch is one. */
  calls: () => number;
  /** Of these the ones in sequence: each began after one before it had ended. */
  inSequence: () => number;
  rowsRead: () => number;
  rowsWritten: () => number;
  reset: () => void;
  /** How many have died. */
  deaths: () => number;
  /** Decides about each round trip from now on; undefined lets all of them through. */
  failWhen: (decide: ((call: D1Call) => D1Fault) | undefined) => void;
};

/** What D1 says when it loses a connection. */
const lost = () => new Error('D1_ERROR: Network connection lost.');

/** What D1 says of a statement that names a column which is not there. */
const mistaken = () => new Error('D1_ERROR: no such column: mistaken_column at offset 7: SQLITE_ERROR');

/** `meta.changes` is not to be relied on: here it is always 0. */
const withoutChanges = <Row>(result: D1Result<Row>): D1Result<Row> => ({
  ...result,
  meta: { ...result.meta, changes: 0 },
});

/** What a dead isolate waits for. */
export const never = async <Answer>(): Promise<Answer> => new Promise(() => undefined);

/** Round trips of all meters that D1 or KV is answering now: those that died do not count. */
const trips = { underWay: 0 };

/** Notes a round trip while it lasts. */
export const whileUnderWay = async <Answer>(run: () => Promise<Answer>): Promise<Answer> => {
  trips.underWay += 1;
  try {
    return await run();
  } finally {
    trips.underWay -= 1;
  }
};

/** Lets other work go on until no metered round trip is under way. */
export const untilStorageIsIdle = async (): Promise<void> => {
  do await scheduler.wait(1);
  while (trips.underWay > 0);
};

/**
 * Wraps a D1 binding in a meter.
 *
 * @param log notes each trip, beside those of other meters
 */
export const meterD1 = (d1: Pick<D1Database, 'prepare' | 'batch'>, log: TripLog = createTripLog()): D1Meter => {
  const statements: MeteredStatement[] = [];
  let calls = 0;
  let decide: ((call: D1Call) => D1Fault) | undefined;

  let deaths = 0;
  const die = async <Answer>(): Promise<Answer> => {
    deaths += 1;
    return never();
  };
  const roundTrip = async <Answer>(sent: Sent[], run: () => Promise<Answer>): Promise<Answer> => {
    calls += 1;
    const fault = decide?.({ number: calls, statements: sent.map(({ sql }) => sql) });
    if (fault instanceof Error) throw fault;
    if (fault === 'refused') throw lost();
    if (fault === 'mistaken') throw mistaken();
    if (fault === 'dies_before') return die();
    const answer = await log.note('d1', () => whileUnderWay(run));
    if (fault === 'answer_lost') throw lost();
    if (fault === 'dies_after') return die();
    return answer;
  };
  const note = ({ sql, params }: Sent, { meta }: D1Result): void => {
    statements.push({ sql, params, rowsRead: meta.rows_read, rowsWritten: meta.rows_written });
  };
  const inner = new WeakMap<D1PreparedStatement, Sent>();

  const wrap = (sent: Sent): D1PreparedStatement => {
    const all = async <Row>(): Promise<D1Result<Row>> =>
      roundTrip([sent], async () => {
        const result = await sent.statement.all<Row>();
        note(sent, result);
        return withoutChanges(result);
      });
    const raw = async () => {
      const result = await roundTrip([sent], async () => {
        const answer = await distinctly(d1, sent).all();
        note(sent, answer);
        return answer;
      });
      return result.results.map((row) => Object.values(row));
    };
    const first = async (column?: string) => {
      const [row] = (await all<Record<string, unknown>>()).results;
      if (row === undefined) return null;
      return column === undefined ? row : row[column];
    };
    const wrapped = {
      bind: (...params: unknown[]) => wrap({ sql: sent.sql, params, statement: sent.statement.bind(...params) }),
      all,
      run: all,
      raw,
      first,
    } as unknown as D1PreparedStatement;
    inner.set(wrapped, sent);
    return wrapped;
  };

  const batch = async (wrapped: D1PreparedStatement[]): Promise<D1Result[]> => {
    const sent = wrapped.flatMap((statement) => inner.get(statement) ?? []);
    return roundTrip(sent, async () => {
      const results = await d1.batch(sent.map(({ statement }) => statement));
      for (const [index, result] of results.entries()) {
        const one = sent[index];
        if (one !== undefined) note(one, result);
      }
      return results.map(withoutChanges);
    });
  };

  return {
    d1: {
      prepare: (sql: string) => wrap({ sql, params: [], statement: d1.prepare(sql) }),
      batch,
    } as unknown as D1Database,
    statements,
    calls: () => calls,
    inSequence: () => log.stages().filter((stage) => stage.has('d1')).length,
    rowsRead: () => statements.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
    rowsWritten: () => statements.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0),
    reset: () => {
      statements.length = 0;
      calls = 0;
      log.reset();
    },
    deaths: () => deaths,
    failWhen: (decision) => {
      decide = decision;
    },
  };
};

type Sent = { sql: string; params: unknown[]; statement: D1PreparedStatement };

/** SQLite names the second `id` of a subquery `id:1`. */
const distinctly = (d1: Pick<D1Database, 'prepare'>, { sql, params, statement }: Sent): D1PreparedStatement =>
  /^\s*select\b/i.test(sql) ? d1.prepare(`SELECT * FROM (${sql})`).bind(...params) : statement;
