import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { TestProject } from 'vitest/node';

import { type Ready, spawnDev } from '../../scripts/dev/spawn.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The broker that all end-to-end and browser tests share, and the folder of its state. */
    dev: { ready: Ready; state: string };
  }
}

/** Builds the package, and starts what `npm run dev` starts, once for every file: `inject('dev')` says where it is. Tests keep apart by their users' ids. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const state = await mkdtemp(join(tmpdir(), 'mushu-e2e-'));
  const [dev] = await Promise.all([
    spawnDev(['npm', 'run', '--silent', 'dev', '--'], ['--state', state, '--port', '0', '--simulator-port', '0']),
    promisify(execFile)('npm', ['run', '--silent', 'build']),
  ]);
  project.provide('dev', { ready: dev.ready, state });
  return async () => {
    await dev.stop();
    await rm(state, { recursive: true, force: true });
  };
}
