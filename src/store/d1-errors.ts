import { DAY_MS, type EpochMs, SECOND_MS } from '../domain/time.ts';

/**
 * The errors of D1, by what to do. D1 has no codes: the texts are those of its documentation ("Debug D1") and of public
 * reports.
 *
 * - `transient`: an idempotent write is retried at once.
 * - `overloaded`: fewer requests help.
 * - `used_up`: the free plan's rows of the day, until midnight UTC.
 * - `spent`: the calls of this invocation; the next one has its own.
 * - `full`: the database has its largest size. Only the operator can help.
 * - `too_heavy`: one statement took too much time, memory or CPU. A retry does the same.
 * - `mistake`: a bug. A retry does not help.
 */
export type D1Trouble = 'transient' | 'overloaded' | 'used_up' | 'spent' | 'full' | 'too_heavy' | 'mistake';

const TROUBLES: readonly [trouble: D1Trouble, text: RegExp][] = [
  [
    'mistake',
    /syntax error|no such (table|column|function)|constraint failed|datatype mismatch|Wrong number of parameter|D1_TYPE_ERROR|too many SQL variables|SQLITE_TOOBIG|too many terms in compound SELECT|ambiguous column name|Expression tree is too large/,
  ],
  ['full', /Exceeded maximum DB size|database or disk is full/i],
  ['used_up', /exceeded D1's free tier daily|daily row (read|write) limit/i],
  ['spent', /Too many (API requests|subrequests) by single Worker invocation/i],
  ['overloaded', /overloaded|Too many requests queued|queued for too long/i],
  ['too_heavy', /storage operation exceeded timeout|exceeded its (memory|CPU time) limit/i],
];

/** What an error of D1 is. An unknown one is taken for transient: most are. */
export const troubleOf = (error: unknown): D1Trouble => {
  const message = messageOf(error);
  return TROUBLES.find(([, text]) => text.test(message))?.[0] ?? 'transient';
};

/** How often a write is tried, and the first pause. Pauses grow fourfold. Kinds without an entry are not retried. */
export const REPEATS: Partial<Record<D1Trouble, { attempts: number; firstPauseMs: number }>> = {
  transient: { attempts: 4, firstPauseMs: 50 },
  overloaded: { attempts: 3, firstPauseMs: 500 },
};

/** When a caller may try again. */
export const retryAfterSecondsOf = (trouble: D1Trouble, now: EpochMs): number =>
  trouble === 'used_up' ? Math.ceil((DAY_MS - (now % DAY_MS)) / SECOND_MS) : RETRY_AFTER_SECONDS[trouble];

const RETRY_AFTER_SECONDS: Record<Exclude<D1Trouble, 'used_up'>, number> = {
  transient: 2,
  overloaded: 10,
  spent: 1,
  // The operator has to act: an hour is as good as a moment.
  full: 3_600,
  too_heavy: 60,
  mistake: 2,
};

/**
 * D1's own message, from an error and its causes. Drizzle's is left out: it contains the parameters, where a user id
 * could look like an error.
 */
export const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const own = error.message.startsWith('Failed query') ? '' : error.message;
  return error.cause === undefined ? own : `${own} ${messageOf(error.cause)}`;
};
