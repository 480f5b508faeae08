/**
 * Takes each guard out of a copy of the sources, one at a time, and runs the tests that should notice. If no test
 * notices the removal of a guard, the guard is not needed or not tested, and this ends with an error.
 */
import { styleText } from 'node:util';

import { GUARDS } from './guards/all.ts';
import type { Guard } from './guards/guard.ts';
import { type Copy, createCopy, isInSources } from './guards/sources.ts';

const HELP = `npm run guards                 all guards
npm run guards -- TEXT         those with TEXT in their name, or of the threat TEXT (T15)
npm run guards -- --list       names them; fails if the sources do not hold one as it is written
npm run guards -- --help`;

const label = ({ name, threats = [], file }: Guard): string => `${[...threats, name].join(' ')}  (${file})`;

const list = (): void => {
  for (const guard of GUARDS) console.log(label(guard));
  const lost = GUARDS.filter((guard) => !isInSources(guard));
  for (const { name, file, find } of lost) console.log(`${file} does not hold this exactly once (${name}):\n${find}`);
  if (lost.length > 0) process.exitCode = 1;
};

const firstRed = async ({ redOf }: Copy, tests: readonly string[]): Promise<string | undefined> => {
  for (const test of tests) if ((await redOf([test])) !== undefined) return test;
  return undefined;
};

const takeOut = async (wanted: string | undefined): Promise<void> => {
  const chosen = GUARDS.filter(
    ({ name, threats = [] }) => wanted === undefined || name.includes(wanted) || threats.includes(wanted),
  );
  if (chosen.length === 0) throw new Error(`no guard has ${wanted} in its name; --list names them`);
  const copy = createCopy();
  try {
    const tests = [...new Set(chosen.flatMap((guard) => guard.tests))];
    console.log(`${chosen.length} guards. First the ${tests.length} test files with every guard in place …`);
    const red = await copy.redOf(tests);
    if (red !== undefined) throw new Error(`the tests are red with every guard in place:\n${red}`);
    const unnoticed: Guard[] = [];
    for (const [index, guard] of chosen.entries()) {
      const since = Date.now();
      process.stdout.write(`${`${index + 1}/${chosen.length}`.padStart(7)}  ${label(guard)} … `);
      const test = await copy.without(guard, () => firstRed(copy, guard.tests));
      const seconds = Math.round((Date.now() - since) / 1000);
      console.log(
        test === undefined ? styleText('red', `NOT NOTICED (${seconds} s)`) : `noticed by ${test} (${seconds} s)`,
      );
      if (test === undefined) unnoticed.push(guard);
    }
    console.log(`${chosen.length - unnoticed.length} of ${chosen.length} guards are noticed when they are missing.`);
    for (const guard of unnoticed) console.log(`NOT NOTICED  ${label(guard)}`);
    // Vitest sets it at each red test.
    process.exitCode = unnoticed.length > 0 ? 1 : 0;
  } finally {
    await copy.remove();
  }
};

const [wanted] = process.argv.slice(2);
if (wanted === '--help' || wanted === '-h') console.log(HELP);
else if (wanted === '--list') list();
else await takeOut(wanted);
