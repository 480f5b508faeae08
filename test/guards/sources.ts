import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Guard } from './guard.ts';

const root = fileURLToPath(new URL('../..', import.meta.url).href);

/** What the tests need. */
const COPIED = [
  'src',
  'test',
  'scripts',
  'migrations',
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

/** Copies the sources, to be changed and tested. */
export const createCopy = () => {
  const folder = mkdtempSync(join(tmpdir(), 'guards-'));
  for (const name of COPIED) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return {
    /** What is printed if one of these test files is red; undefined if all are green. */
    redOf: (tests: readonly string[]): string | undefined => {
      const vitest = join(root, 'node_modules/vitest/vitest.mjs');
      const run = spawnSync(
        process.execPath,
        [vitest, 'run', '--config', 'test/vitest.config.ts', '--bail', '1', '--project', '!e2e', ...tests],
        { cwd: folder, encoding: 'utf8', timeout: MOST_MS },
      );
      if (run.status === 0) return undefined;
      const said = `${run.stdout}${run.stderr}`;
      if (run.error !== undefined) return `did not end in ${MOST_MS / 60_000} minutes:\n${said.slice(-3_000)}`;
      // Ended for want of a test, or of anything else: nothing was noticed.
      if (!said.includes('FAIL')) throw new Error(`the tests did not run:\n${said.slice(-3_000)}`);
      return said.slice(-3_000);
    },
    /** Runs something while a guard is missing. */
    without: <Value>(guard: Guard, run: () => Value): Value => {
      const path = join(folder, guard.file);
      if (!isInSources(guard))
        throw new Error(`${guard.file} does not hold ${guard.name} as it is written; see --list`);
      const source = readIn(folder, guard);
      writeFileSync(
        path,
        source.replace(guard.find, () => guard.replace),
      );
      try {
        return run();
      } finally {
        writeFileSync(path, source);
      }
    },
    remove: (): void => rmSync(folder, { recursive: true }),
  };
};
