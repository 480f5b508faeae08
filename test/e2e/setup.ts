import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { TestProject } from 'vitest/node';

import { type Ready, spawnDev } from '../../scripts/dev/spawn.ts';
import { serveChromium } from '../browser/chromium.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The broker that all end-to-end and browser tests share, and the folder of its state. */
    dev: { ready: Ready; state: string };
    /** Where the browser that they share is reached, or why there is none, which fails only the tests that need one. */
    browser: { endpoint: string | undefined; failure: string };
  }
}

/**
 * Builds the package, and starts what `npm run dev` starts and a browser, once for every file: `inject` says where they are. Tests keep
 * apart by their users' ids.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const state = await mkdtemp(join(tmpdir(), 'mushu-e2e-'));
  const started: { stop: () => Promise<unknown> }[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((one) => one.stop()));
    await rm(state, { recursive: true, force: true });
  };
  const dev = async (): Promise<void> => {
    const args = ['--state', state, '--port', '0', '--simulator-port', '0', ...SETTINGS];
    const { ready, ...spawned } = await spawnDev(['npm', 'run', '--silent', 'dev', '--'], args);
    started.push(spawned);
    await ofManyClients(ready);
    project.provide('dev', { ready, state });
  };
  const browser = async (): Promise<void> => {
    try {
      const server = await serveChromium();
      started.push({ stop: () => server.close() });
      project.provide('browser', { endpoint: server.wsEndpoint(), failure: '' });
    } catch (error) {
      project.provide('browser', { endpoint: undefined, failure: String(error) });
    }
  };
  const all = await Promise.allSettled([dev(), browser(), promisify(execFile)('npm', ['run', '--silent', 'build'])]);
  const failed = all.find((one) => one.status === 'rejected');
  if (failed === undefined) return stop;
  await stop();
  throw failed.reason;
}

/** All tests together link and sync in minutes what a broker does in a day. How busy the machine is must not matter either. */
const SETTINGS = ['LINK_REQUESTS_PER_MINUTE=10000', 'SYNC_REQUESTS_PER_MINUTE=10000', 'OTHER_REQUESTS_PER_MINUTE=10000']
  .concat('WITHINGS_TIMEOUT_MS=20000')
  .flatMap((setting) => ['--setting', setting]);

/**
 * Withings limits each client and each person, and here a dozen files at once act for one client and five people, as a dozen brokers would.
 * The limits themselves are tested where the clock is the test's.
 */
const ofManyClients = async ({ simulator_url: url }: Ready): Promise<void> => {
  const settings = { sameArgumentsSeconds: 0, callsPerMinute: 100_000, subscribeSpacingSeconds: 0 };
  const answer = await fetch(`${url}/_control/settings`, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(settings),
  });
  if (!answer.ok) throw new Error(`the simulator did not take its settings: ${await answer.text()}`);
};
