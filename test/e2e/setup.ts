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
  await ofManyClients(dev.ready);
  project.provide('dev', { ready: dev.ready, state });
  return async () => {
    await dev.stop();
    await rm(state, { recursive: true, force: true });
  };
}

/**
 * Withings limits each client and each person, and here a dozen files at once act for one client and five people, as a dozen brokers would.
 * The limits themselves are tested where the clock is the test's.
 */
const ofManyClients = async ({ simulator_url: url }: Ready): Promise<void> => {
  const settings = { sameArgumentsSeconds: 0, callsPerMinute: 100_000 };
  const answer = await fetch(`${url}/_control/settings`, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(settings),
  });
  if (!answer.ok) throw new Error(`the simulator did not take its settings: ${await answer.text()}`);
};
