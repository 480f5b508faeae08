/**
 * Random schedules by the million, or one again that failed:
 *
 *     npm run torture [-- --runs 1000000] [--seed N]
 *     npm run torture -- --seed N --path P
 */
import { parseArgs } from 'node:util';

import * as fc from 'fast-check';

import { schedule, violationsOf } from './schedule.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string' }, seed: { type: 'string' }, path: { type: 'string' } },
});
const runs = Number(values.runs ?? 1_000_000);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const EVERY = 10_000;
let done = 0;
console.log(`seed ${seed}`);

const outcome = await fc.check(
  fc.asyncProperty(schedule, async (drawn) => {
    const violations = await violationsOf(drawn);
    done += 1;
    if (done % EVERY === 0) console.log(`${done} schedules`);
    if (violations.length > 0) throw new Error(violations.join('\n'));
  }),
  { numRuns: runs, seed, ...(values.path !== undefined && { path: values.path }) },
);
if (outcome.failed) {
  console.error(fc.defaultReportMessage(outcome));
  console.error(String(outcome.errorInstance));
  console.error(`Replay: npm run torture -- --seed ${outcome.seed} --path ${outcome.counterexamplePath ?? ''}`);
  process.exitCode = 1;
} else console.log(`${outcome.numRuns} schedules, no connection lost and no rule broken`);
