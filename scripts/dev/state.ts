/**
 * The state of a developer's machine, in one folder: the secrets, the database, the simulated Withings and the demo
 * app's key. Readable only by its owner and never committed. Delete it to start again.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import type * as z from 'zod';

import { type Secrets, mintSecrets, secretsSchema } from '../secrets.ts';
import { userError } from '../user-error.ts';
import { requireWritable } from './writable.ts';

export type State = {
  dir: string;
  path: (name: string) => string;
  /** Lets another run use the folder. */
  release: () => void;
};

/** Opens the folder for this process alone: two Workers on one database would corrupt it. */
export const openState = (folder: string): State => {
  const dir = resolve(folder);
  requireWritable(dir, 'Choose another folder with --state.', 0o700);
  const path = (name: string): string => join(dir, name);
  const lock = path('pid');
  if (existsSync(lock) && isRunning(Number(readFileSync(lock, 'utf8')))) {
    throw userError(
      `${dir} is in use by process ${readFileSync(lock, 'utf8')}. Stop that one, or choose another folder with --state.`,
    );
  }
  writeFileSync(lock, String(process.pid));
  return { dir, path, release: () => rmSync(lock, { force: true }) };
};

/** Whether there is a process of this id. */
export const isRunning = (pid: number): boolean => {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** The secrets of this folder, created at its first use. */
export const localSecrets = async (state: State): Promise<Secrets> => {
  const kept = readJson(state, 'secrets.json', secretsSchema);
  if (kept !== undefined) return kept;
  const secrets = await mintSecrets();
  writeJson(state, 'secrets.json', secrets);
  return secrets;
};

/** A file of the folder; undefined if it does not exist. */
export const readJson = <Value>(state: State, name: string, schema: z.ZodType<Value>): Value | undefined => {
  const file = state.path(name);
  if (!existsSync(file)) return undefined;
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    throw userError(`${file} cannot be read. Restore it, or delete ${state.dir} to start again.`);
  }
};

/** Writes a file that only its owner reads. */
export const writeJson = (state: State, name: string, value: unknown): void =>
  writeFileSync(state.path(name), `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
