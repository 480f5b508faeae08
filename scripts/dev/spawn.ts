import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import * as z from 'zod';

import { userError } from '../user-error.ts';

/** The variable that holds the id of the process that spawned `dev`, which ends with it. */
export const SPAWNED_BY = 'MUSHU_DEV_SPAWNED_BY';

const readySchema = z.object({
  url: z.string(),
  simulator_url: z.string(),
  app_id: z.string(),
  api_key: z.string(),
  admin_token: z.string(),
  auth_url: z.string(),
});

/** What `dev --json` prints once ready. */
export type Ready = z.infer<typeof readySchema>;

export type Spawned = {
  ready: Ready;
  /** Everything it printed on its standard output. */
  printed: string[];
  /** Stops it and everything that it started. Returns its exit code, null after a signal that it cannot handle. */
  stop: (signal?: 'SIGTERM' | 'SIGKILL') => Promise<number | null>;
};

/**
 * Starts `dev` as a process of its own, and waits until it is ready.
 *
 * @param command a program and its arguments, to which `--json` and the others are added
 */
export const spawnDev = async (command: [string, ...string[]], args: string[]): Promise<Spawned> => {
  const [program, ...before] = command;
  const child = spawn(program, [...before, '--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, [SPAWNED_BY]: String(process.pid) },
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const printed: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => printed.push(line));
  const ended = once(child, 'close').then(() => undefined);
  const first = await Promise.race([once(lines, 'line'), ended]);
  if (first === undefined) throw userError(`dev ended before it was ready: ${complaint}`);
  return {
    ready: readySchema.parse(JSON.parse(String(first[0]))),
    printed,
    stop: (signal = 'SIGTERM') => stop(child, signal, ended),
  };
};

const stop = async (child: ChildProcess, signal: NodeJS.Signals, ended: Promise<undefined>): Promise<number | null> => {
  child.kill(signal);
  await ended;
  return child.exitCode;
};
