import { type RowsUsed, withRows } from '../domain/rows-used.ts';
import { type EpochMs, MINUTE_MS, SECOND_MS } from '../domain/time.ts';
import type { D1Trouble } from './d1-errors.ts';

/**
 * An isolate's memory of D1: its failures, because an alarm about D1 cannot be stored in D1, and the rows of its
 * answers. Plain data, safe to share between requests.
 *
 * - `failing`: no round trip has succeeded since.
 * - `refusing`: D1 answers, and refuses for a reason that lasts for hours.
 * - `used`: what is not noted in the database yet.
 */
export type D1Memory = {
  failing?: Trouble | undefined;
  refusing?: Trouble | undefined;
  used?: RowsUsed | undefined;
};

type Trouble = { trouble: D1Trouble; since: EpochMs };

/** Several times a day D1 loses its connections for some seconds. A longer failure is an outage. */
const LASTING_MS = 20 * SECOND_MS;

/** Records a round trip that succeeded. */
export const recordAnswer = (memory: D1Memory): void => {
  memory.failing = undefined;
};

/** Records a failure, unless it concerns only one statement or one invocation. */
export const recordTrouble = (memory: D1Memory, trouble: D1Trouble, now: EpochMs): void => {
  if (trouble === 'used_up' || trouble === 'full') memory.refusing = { trouble, since: now };
  if (trouble === 'transient' || trouble === 'overloaded') memory.failing ??= { trouble, since: now };
};

/** A failure that the operator should know about, if there is one. */
export const lastingTrouble = ({ failing, refusing }: D1Memory, now: EpochMs): Trouble | undefined => {
  if (refusing !== undefined && now - refusing.since < MINUTE_MS) return refusing;
  return failing !== undefined && now - failing.since >= LASTING_MS ? failing : undefined;
};

/** What is used of the binding. */
type Binding = Pick<D1Database, 'prepare' | 'batch'>;

/**
 * Counts the rows that D1 reports with its answers (`meta.rows_read`, `meta.rows_written`: what it bills). `raw()`, by
 * which Drizzle and `Prepared.rows` read, has no such report, so its rows are not counted.
 */
export const countRows = (d1: Binding, memory: D1Memory, now: () => EpochMs): Binding => {
  const count = ({ meta }: Pick<D1Result, 'meta'>): void => {
    memory.used = withRows(memory.used, { read: meta.rows_read, written: meta.rows_written }, now());
  };
  // The statement itself is changed: a batch takes no other object.
  const counted = (statement: D1PreparedStatement): D1PreparedStatement => {
    const bind = statement.bind.bind(statement);
    const send = statement.all.bind(statement);
    const all = async <Row>(): Promise<D1Result<Row>> => {
      const result = await send<Row>();
      count(result);
      return result;
    };
    const first = async (column?: string): Promise<unknown> => {
      const [row] = (await all<Record<string, unknown>>()).results;
      if (row === undefined) return null;
      return column === undefined ? row : row[column];
    };
    return Object.assign(statement, { bind: (...values: unknown[]) => counted(bind(...values)), all, run: all, first });
  };
  return {
    prepare: (sql) => counted(d1.prepare(sql)),
    batch: async <Row>(statements: D1PreparedStatement[]) => {
      const results = await d1.batch<Row>(statements);
      for (const result of results) count(result);
      return results;
    },
  };
};
