import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { TestProject } from 'vitest/node';

import { type Ready, spawnDev } from '../../scripts/dev/spawn.ts';
import { serveChromium } from '../browser/chromium.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where `shared.ts` gets what is started here. */
    shared: string;
  }
}

/** The broker that all end-to-end and browser tests share, the folder of its state, and their browser. */
export type Shared = {
  ready: Ready;
  state: string;
  /** Where it is reached, or why there is none, which fails only the tests that need one. */
  browserAt: { endpoint: string | undefined; failure: string };
};

/**
 * Builds the package, and starts what `npm run dev` starts and a browser, once for every file. Tests keep apart by their users' ids. The
 * other lanes do not wait for it: a file that needs all this asks, and is answered when it is there.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const state = await mkdtemp(join(tmpdir(), 'mushu-e2e-'));
  const started: { stop: () => Promise<unknown> }[] = [];
  const dev = async (): Promise<Ready> => {
    const args = ['--state', state, '--port', '0', '--simulator-port', '0', ...SETTINGS];
    const { ready, ...spawned } = await spawnDev(['npm', 'run', '--silent', 'dev', '--'], args);
    started.push(spawned);
    await ofManyClients(ready);
    return ready;
  };
  const browser = async (): Promise<Shared['browserAt']> => {
    try {
      const server = await serveChromium();
      started.push({ stop: () => server.close() });
      return { endpoint: server.wsEndpoint(), failure: '' };
    } catch (error) {
      return { endpoint: undefined, failure: String(error) };
    }
  };
  const parts = [dev(), browser(), promisify(execFile)('npm', ['run', '--silent', 'build'])] as const;
  const ended = Promise.allSettled(parts);
  const server = createServer((_, response) => {
    Promise.all(parts).then(
      ([ready, browserAt]) => response.end(JSON.stringify({ ready, state, browserAt } satisfies Shared)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  project.provide('shared', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return async () => {
    server.close();
    await ended;
    await Promise.all(started.map((one) => one.stop()));
    await rm(state, { recursive: true, force: true });
  };
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
