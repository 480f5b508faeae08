import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { userError } from '../user-error.ts';

/** Creates a folder that can be written; otherwise throws one sentence with the reason of the system and what to do. */
export const requireWritable = (folder: string, remedy: string, mode = 0o777): void => {
  const probe = join(folder, `.written-by-${process.pid}`);
  try {
    makeFolder(folder, mode);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    throw userError(`${folder} cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown'}). ${remedy}`);
  }
};

/** With its parents. Node's `recursive` never ends if a folder cannot have folders, as `/proc`. */
const makeFolder = (folder: string, mode: number): void => {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder), mode);
  mkdirSync(folder, { mode });
};
