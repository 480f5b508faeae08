import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { createVitest, type TestModule, type Vitest } from 'vitest/node';

import type { Guard } from './guard.ts';

const root = fileURLToPath(new URL('../..', import.meta.url).href);

/** What the tests need. */
const COPIED = [
  'examples',
  'src',
  'test',
  'scripts',
  'migrations',
  'docs',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'wrangler.toml',
  '.gitignore',
];

/** Tests that hang without a guard have noticed it. */
const MOST_MS = 10 * 60_000;

const readIn = (folder: string, { file }: Guard): string => readFileSync(join(folder, file), 'utf8');

/** Whether the sources hold a guard as it is written. */
export const isInSources = (guard: Guard): boolean => readIn(root, guard).split(guard.find).length === 2;

/** The failures of a test file. */
const saidBy = (module: TestModule): string[] => [
  module.moduleId,
  ...[...module.children.allTests('failed')].map(({ fullName }) => fullName),
  ...module.errors().map(({ message }) => message),
];

// Miniflare asks for its location at each start, and says so.
process.env['CLOUDFLARE_CF_FETCH_ENABLED'] = 'false';
process.env['WRANGLER_LOG'] = 'error';

/** Copies the sources, to be changed and tested. */
export const createCopy = () => {
  const folder = mkdtempSync(join(tmpdir(), 'guards-'));
  for (const name of COPIED) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  // One for all runs: to start it takes longer than most tests.
  let vitest: Vitest | undefined;
  const startVitest = () =>
    createVitest('test', {
      root: folder,
      config: 'test/vitest.config.ts',
      bail: 1,
      project: ['!e2e'],
      reporters: [{}],
      watch: false,
    });
  return {
    /** What is wrong if one of these test files is red; undefined if all are green. */
    redOf: async (tests: readonly string[]): Promise<string | undefined> => {
      // A guard may be in what the build makes of the sources.
      execFileSync(process.execPath, ['scripts/static-files.ts', '--without-package'], { cwd: folder });
      vitest ??= await startVitest();
      const all = await vitest.globTestSpecifications([...tests]);
      const run = vitest.runTestSpecifications(all);
      const ended = await Promise.race([run, setTimeout(MOST_MS, undefined, { ref: false })]);
      // It goes on hanging: the next run gets a Vitest of its own.
      if (ended === undefined) vitest = undefined;
      if (ended === undefined) return `did not end in ${MOST_MS / 60_000} minutes`;
      const { testModules, unhandledErrors } = ended;
      // Vitest also returns the files of earlier runs.
      const ran = new Set(all.map(({ moduleId }) => moduleId));
      const red = testModules.filter((one) => ran.has(one.moduleId) && one.state() === 'failed');
      // Ended for want of a test, or of anything else: nothing was noticed.
      if (red.length === 0 && (testModules.length === 0 || unhandledErrors.length > 0))
        throw new Error('the tests did not run', { cause: unhandledErrors[0] });
      return red.length === 0 ? undefined : red.flatMap(saidBy).join('\n');
    },
    /** Runs something while a guard is missing. */
    without: async <Value>(guard: Guard, run: () => Promise<Value>): Promise<Value> => {
      const path = join(folder, guard.file);
      if (!isInSources(guard))
        throw new Error(`${guard.file} does not hold ${guard.name} as it is written; see --list`);
      const source = readIn(folder, guard);
      const write = (text: string) => {
        writeFileSync(path, text);
        vitest?.invalidateFile(path);
      };
      write(source.replace(guard.find, () => guard.replace));
      try {
        return await run();
      } finally {
        write(source);
      }
    },
    remove: async (): Promise<void> => {
      await vitest?.close();
      rmSync(folder, { recursive: true });
    },
  };
};

export type Copy = ReturnType<typeof createCopy>;
