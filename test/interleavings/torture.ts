/**
 * Random schedules by the million, or one again that failed:
 *
 *     npm run torture [-- --of webhooks|notifications] [--runs 1000000] [--seed N] [--processes N]
 *     npm run torture -- [--of webhooks|notifications] --seed N --path P
 *
 * Several processes share the runs, each with a seed of its own, counted on from the one given.
 */
import '../../scripts/help.ts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import * as fc from 'fast-check';

import { computeInline, pause } from '../support/inline-subtle.ts';

const { values } = parseArgs({
  options: {
    of: { type: 'string', default: 'refresh' },
    runs: { type: 'string' },
    seed: { type: 'string' },
    path: { type: 'string' },
    processes: { type: 'string' },
  },
});
const EVERY = 10_000;

/** What is drawn, and what must hold after it: refreshing tokens, sending webhooks, or Withings' notifications. */
type Subject = { arbitrary: fc.Arbitrary<unknown>; violationsOf: (drawn: never) => Promise<string[]> };
const loadSubject = async (): Promise<Subject> => {
  if (values.of === 'webhooks') {
    const { webhookSchedule, webhookViolationsOf } = await import('./webhooks.ts');
    return { arbitrary: webhookSchedule, violationsOf: webhookViolationsOf };
  }
  if (values.of === 'notifications') {
    const { notificationSchedule } = await import('./notification-schedule.ts');
    const { notificationViolationsOf } = await import('./notifications.ts');
    return { arbitrary: notificationSchedule, violationsOf: notificationViolationsOf };
  }
  const [{ schedule }, { violationsOf }] = await Promise.all([import('./actions.ts'), import('./schedule.ts')]);
  return { arbitrary: schedule, violationsOf };
};
const subject = await loadSubject();

/** Draws schedules until one fails. Returns whether none did. */
const run = async (seed: number, runs: number, path: string | undefined): Promise<boolean> => {
  computeInline();
  let done = 0;
  const outcome = await fc.check(
    fc.asyncProperty(subject.arbitrary, async (drawn) => {
      const violations = await subject.violationsOf(drawn as never);
      await pause();
      done += 1;
      if (done % EVERY === 0) console.log(`seed ${seed}: ${done} schedules`);
      if (violations.length > 0) throw new Error(violations.join('\n'));
    }),
    { numRuns: runs, seed, ...(path !== undefined && { path }) },
  );
  if (!outcome.failed) return true;
  console.error(fc.defaultReportMessage(outcome));
  console.error(String(outcome.errorInstance));
  console.error(
    `Replay: npm run torture -- --of ${values.of} --seed ${outcome.seed} --path ${outcome.counterexamplePath ?? ''}`,
  );
  return false;
};

/** The same in a process of its own. */
const runApart = async (seed: number, runs: number): Promise<boolean> => {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), '--of', values.of, '--processes', '1'];
  const child = spawn(process.execPath, [...args, '--seed', `${seed}`, '--runs', `${runs}`], { stdio: 'inherit' });
  const [status] = await once(child, 'exit');
  return status === 0;
};

const runs = Number(values.runs ?? (values.path === undefined ? 1_000_000 : 1));
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const processes = values.path === undefined ? Number(values.processes ?? availableParallelism()) : 1;

const held =
  processes === 1
    ? [await run(seed, runs, values.path)]
    : await Promise.all(
        Array.from({ length: processes }, (_, index) => runApart(seed + index, Math.ceil(runs / processes))),
      );
if (held.every(Boolean))
  console.log(`seed ${seed}: ${runs} schedules of ${values.of}, nothing lost and no rule broken`);
else process.exitCode = 1;
