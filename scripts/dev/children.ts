import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { userError } from '../user-error.ts';

const LEASH = import.meta.resolve('./exit-with-parent.ts');
const GRACE_MS = 5_000;
const LINES_KEPT = 40;

export type Child = {
  process: ChildProcess;
  /** The last lines of its output, for an unexpected end. */
  recentOutput: () => string;
};

/** Wrangler's program without its launcher, so that a signal reaches it and not a process in between. */
export const wranglerProgram = fileURLToPath(import.meta.resolve('../../node_modules/wrangler/wrangler-dist/cli.js'));

/** Wrangler is 15 MB of script and starts often: Node stores it compiled here. */
export const COMPILE_CACHE = join(import.meta.dirname, '../../node_modules/.cache/compiled');

/** Wrangler's environment: no telemetry, no log outside the state folder, no question, no look-up of the location. */
export const wranglerEnvironment = (stateDir: string): Record<string, string> => ({
  // Wrangler's build command runs on the same Node as this process.
  PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? COMPILE_CACHE,
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_LOG_PATH: `${stateDir}/wrangler-logs`,
  WRANGLER_REGISTRY_PATH: `${stateDir}/wrangler-registry`,
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_SEND_METRICS: 'false',
  // They would store every request, with codes and tokens, in another database.
  X_LOCAL_EXPLORER: 'false',
  X_LOCAL_OBSERVABILITY: 'false',
});

/** Starts a Node program that ends with this process. `onLine` gets each line of its output. */
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

/** Runs a Node program to its end; throws with its output if it fails. */
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

/** The result of `ready`, unless the program ends first. */
export const untilReady = async <Value>(child: Child, what: string, ready: Promise<Value>): Promise<Value> => {
  const ended = once(child.process, 'close').then(() => {
    throw userError(`${what} ended before it was ready:\n${child.recentOutput()}`);
  });
  return Promise.race([ready, ended]);
};
