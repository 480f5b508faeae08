/**
 * `npm run first-weight`: the time from a clone with `npm ci` done to a user's weight, as `npm run dev` and one consent
 * take it.
 */
import './help.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { spawnDev } from './dev/spawn.ts';
import { userError } from './user-error.ts';

const TARGET_SECONDS = 45;

const begin = performance.now();
const folder = await mkdtemp(join(tmpdir(), 'mushu-first-weight-'));
// A clone has neither of the caches that an earlier run left here.
const args = ['--state', folder, '--port', '0', '--simulator-port', '0'];
process.env['NODE_COMPILE_CACHE'] = join(folder, 'compiled');
await rm(fileURLToPath(import.meta.resolve('../dist/served-package')), { force: true });
try {
  const { ready, stop } = await spawnDev(['npm', 'run', '--silent', 'dev', '--'], args);
  try {
    const consent = { method: 'POST', body: new URLSearchParams({ person: 'nora', decision: 'allow' }) };
    const asked = await fetch(ready.auth_url, { redirect: 'manual' });
    const allowed = await fetch(asked.headers.get('Location') ?? '', { ...consent, redirect: 'manual' });
    const page = await (await fetch(allowed.headers.get('Location') ?? '')).text();
    const [, weight] = /weight<\/th><td>([\d.]+)/.exec(page) ?? [];
    if (weight === undefined) throw userError('The page shows no weight.');
    const seconds = (performance.now() - begin) / 1_000;
    console.log(`${weight} kg after ${seconds.toFixed(1)} s; the target is ${TARGET_SECONDS} s.`);
    if (seconds > TARGET_SECONDS) process.exitCode = 1;
  } finally {
    await stop();
  }
} finally {
  await rm(folder, { recursive: true });
}
