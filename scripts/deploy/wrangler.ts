import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { COMPILE_CACHE, wranglerProgram } from '../dev/children.ts';
import { userError } from '../user-error.ts';

/** Runs wrangler and returns its output. A failure contains all of its output. */
export type Wrangler = (args: string[], options?: WranglerOptions) => Promise<string>;

export type WranglerOptions = {
  env?: Record<string, string>;
  /** Connects it to the terminal. Its output is shown there and not returned. */
  attended?: boolean;
};

/** A function that runs wrangler in an environment. */
export const wranglerWith =
  (env: NodeJS.ProcessEnv): Wrangler =>
  async (args, { env: more = {}, attended = false } = {}) => {
    const child = spawn(process.execPath, ['--no-warnings', wranglerProgram, ...args], {
      env: {
        NODE_COMPILE_CACHE: COMPILE_CACHE,
        ...env,
        WRANGLER_HIDE_BANNER: 'true',
        WRANGLER_SEND_METRICS: 'false',
        WRANGLER_SEND_ERROR_REPORTS: 'false',
        ...more,
      },
      stdio: attended ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    let [said, complained] = ['', ''];
    child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (complained += chunk.toString()));
    await once(child, 'close');
    if (child.exitCode !== 0) throw userError(`wrangler ${args.join(' ')} failed:\n${said}${complained}`);
    return said;
  };

/** The JSON in wrangler's output, after any other text. */
export const jsonIn = (printed: string): unknown => {
  const start = printed.search(/^[[{]/m);
  if (start < 0) throw userError(`wrangler answered without JSON:\n${printed}`);
  return JSON.parse(printed.slice(start));
};
