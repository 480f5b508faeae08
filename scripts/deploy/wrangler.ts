import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { explained } from '../explained.ts';

/** Runs `wrangler` as found on the PATH; what it printed. A failure is told with everything that it said. */
export type Wrangler = (args: string[], env?: Record<string, string>) => Promise<string>;

export const wrangler: Wrangler = async (args, env) => {
  const child = spawn('wrangler', args, {
    env: { ...process.env, WRANGLER_HIDE_BANNER: 'true', WRANGLER_SEND_METRICS: 'false', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [said, complained] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complained += chunk.toString()));
  try {
    await once(child, 'close');
  } catch {
    throw explained('wrangler is not on the PATH. Run this as `npm run deploy`, after `npm ci`.');
  }
  if (child.exitCode !== 0) throw explained(`wrangler ${args.join(' ')} failed:\n${said}${complained}`);
  return said;
};

/** The JSON in what wrangler printed, whatever it said before. */
export const jsonIn = (printed: string): unknown => {
  const start = printed.search(/^[[{]/m);
  if (start < 0) throw explained(`wrangler answered without JSON:\n${printed}`);
  return JSON.parse(printed.slice(start));
};
