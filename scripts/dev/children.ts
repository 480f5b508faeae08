import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { userError } from '../user-error.ts';

const LEASH = import.meta.resolve('./exit-with-parent.ts');
const GRACE_MS = 5_000;
const LINES_KEPT = 40;

export type Child = {
  process: ChildProcess;
  /** What it said last, for when it ends without a reason. */
  recentOutput: () => string;
};

/** Wrangler's own program: run without its launcher, so that a signal reaches it and not a process in between. */
export const wranglerProgram = fileURLToPath(import.meta.resolve('../../node_modules/wrangler/wrangler-dist/cli.js'));

/** What wrangler is told in every case: no telemetry, no log of its own outside the state, no question, no look-up of where we are. */
export const wranglerEnvironment = (stateDir: string): Record<string, string> => ({
  // What wrangler runs before a build is run by the Node that runs us.
  PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_LOG_PATH: `${stateDir}/wrangler-logs`,
  WRANGLER_REGISTRY_PATH: `${stateDir}/wrangler-registry`,
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_SEND_METRICS: 'false',
  // They would keep every request, and with it codes and tokens, in a database of their own.
  X_LOCAL_EXPLORER: 'false',
  X_LOCAL_OBSERVABILITY: 'false',
});

/** Starts a Node program that ends with us. `onLine` gets each line that it prints, on either stream. */
export const startChild = (
  program: string,
  args: string[],
  { env, onLine }: { env?: Record<string, string>; onLine?: (line: string) => void } = {},
): Child => {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--import', LEASH, program, ...args],
    {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      said.push(line);
      if (said.length > LINES_KEPT) said.shift();
      onLine?.(line);
    });
  }
  return { process: child, recentOutput: () => said.join('\n') };
};

/** Runs a Node program to its end; throws with what it said if it fails. */
export const runToEnd = async (
  what: string,
  program: string,
  args: string[],
  env: Record<string, string>,
): Promise<void> => {
  const done = promisify(execFile)(process.execPath, [program, ...args], { env: { ...process.env, ...env } });
  done.child.stdin?.end();
  await done.catch(({ stdout, stderr }: { stdout: string; stderr: string }) => {
    throw userError(`${what} failed:\n${stdout}${stderr}`);
  });
};

/** Stops a program, and waits until it is gone. */
export const stopChild = async ({ process: child }: Child): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const killing = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  await gone;
  clearTimeout(killing);
};

/** What `ready` resolves with, unless the program ends first. */
export const untilReady = async <Value>(child: Child, what: string, ready: Promise<Value>): Promise<Value> => {
  const ended = once(child.process, 'close').then(() => {
    throw userError(`${what} ended before it was ready:\n${child.recentOutput()}`);
  });
  return Promise.race([ready, ended]);
};
