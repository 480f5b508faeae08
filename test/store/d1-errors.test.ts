import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';

import { type D1Trouble, troubleOf } from '../../src/store/d1-errors.ts';
import { openDatabase, tryD1, tryD1Idempotent } from '../../src/store/d1.ts';

/** D1's errors have no codes: these are the texts of its documentation and of public reports. */
const TEXTS: [trouble: D1Trouble, text: string][] = [
  ['transient', 'D1_ERROR: Network connection lost.'],
  ['transient', 'D1_ERROR: D1 DB reset because its code was updated.'],
  ['transient', 'Internal error while starting up D1 DB storage caused object to be reset.'],
  ['transient', 'Cannot resolve D1 DB due to transient issue on remote node.'],
  ['transient', 'something new'],
  ['used_up', "D1_ERROR: Your account has exceeded D1's free tier daily row write limit. Upgrade to a paid plan."],
  ['used_up', "D1_ERROR: Your account has exceeded D1's free tier daily row read limit."],
  ['overloaded', 'D1 DB is overloaded. Requests queued for too long.'],
  ['overloaded', 'D1 DB is overloaded. Too many requests queued.'],
  ['too_heavy', 'D1 DB storage operation exceeded timeout which caused object to be reset.'],
  ['too_heavy', 'D1 DB exceeded its CPU time limit and was reset.'],
  ['too_heavy', "D1 DB's isolate exceeded its memory limit and was reset."],
  ['full', 'D1_ERROR: Exceeded maximum DB size'],
  ['spent', 'Too many API requests by single Worker invocation.'],
  ['mistake', 'D1_ERROR: too many SQL variables at offset 1: SQLITE_ERROR'],
  ['mistake', 'D1_ERROR: statement too long: SQLITE_TOOBIG'],
  ['mistake', 'D1_ERROR: too many terms in compound SELECT at offset 9: SQLITE_ERROR'],
  ['mistake', 'D1_ERROR: Expression tree is too large (maximum depth 100): SQLITE_ERROR'],
  ['mistake', 'D1_ERROR: ambiguous column name: id at offset 7: SQLITE_ERROR'],
  ['mistake', 'D1_ERROR: no such column: nope at offset 7: SQLITE_ERROR'],
];

test.each(TEXTS)('%s: %s', (trouble, text) => {
  expect(troubleOf(new Error(text))).toBe(trouble);
  expect(troubleOf(new Error('D1_ERROR', { cause: new Error(text) }))).toBe(trouble);
});

test('what a user is called is no error of D1', () => {
  const query = "Failed query: select … params: exceeded D1's free tier daily row read limit, syntax error";
  expect(troubleOf(new Error(query, { cause: new Error('D1_ERROR: Network connection lost.') }))).toBe('transient');
});

describe('a write that fails', () => {
  const NOW = Date.UTC(2026, 5, 15, 18);
  const run = async (text: string, byte = 0) => {
    const pauses: number[] = [];
    const sleep = async (ms: number) => void pauses.push(ms);
    const random = (size: number) => new Uint8Array(size).fill(byte);
    const db = openDatabase(env.DB, { now: () => NOW, sleep, random, memory: {} });
    const outcome = await tryD1Idempotent(db, () => Promise.reject(new Error(text)));
    return { pauses, calls: db.calls.made, failure: outcome.ok ? undefined : outcome.failure };
  };

  test('for a moment is repeated, with pauses that nobody shares', async () => {
    const { calls, pauses, failure } = await run('Network connection lost.');
    expect([calls, pauses]).toEqual([4, [50, 200, 800]]);
    expect(failure?.retryAfterSeconds).toBe(2);
    const other = await run('Network connection lost.', 255);
    expect(other.pauses.every((ms, index) => ms > (pauses[index] ?? 0) / 2 && ms < (pauses[index] ?? 0))).toBe(true);
  });

  test.each([
    ['because too much is asked', 'D1 DB is overloaded. Too many requests queued.', 3, 10],
    ['until midnight', "exceeded D1's free tier daily row write limit", 1, 6 * 3_600],
    ['until the operator acts', 'Exceeded maximum DB size', 1, 3_600],
    ['for this invocation', 'Too many API requests by single Worker invocation', 1, 1],
    ['for its size', 'storage operation exceeded timeout', 1, 60],
  ])('%s is repeated no more than helps, and the caller is told when to come back', async (_, text, calls, seconds) => {
    const tried = await run(text);
    expect(tried.calls).toBe(calls);
    expect(tried.failure?.retryAfterSeconds).toBe(seconds);
  });

  test('by a mistake of ours throws', async () => {
    const db = openDatabase(env.DB, {
      now: () => NOW,
      sleep: async () => undefined,
      random: (n) => new Uint8Array(n),
      memory: {},
    });
    await expect(tryD1(db, () => db.d1.prepare('SELECT nope FROM apps').all())).rejects.toThrow('nope');
    await expect(tryD1(db, async () => db.d1.prepare('SELECT ?').bind(undefined).all())).rejects.toThrow('undefined');
  });
});
