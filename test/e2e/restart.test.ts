import { once } from 'node:events';
import { cp, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createAdaptorServer } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest';

import { choosePort } from '../../scripts/dev/ports.ts';
import { type Ready, spawnDev } from '../../scripts/dev/spawn.ts';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { plantSecret } from '../support/canaries.ts';
import { asApp, walk } from './client.ts';
import { findLeaks } from './leaks.ts';

const dev: [string, ...string[]] = [process.execPath, fileURLToPath(import.meta.resolve('../../scripts/dev.ts'))];
const anyPorts = ['--port', '0', '--simulator-port', '0'];

const weights = async (...[ready, userId]: [Parameters<typeof asApp>[0], string]) =>
  (await asApp(ready, 'GET', `/metrics/${userId}?metric=weight&limit=3`)).json();

const isAnswering = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  );

/** What a first run leaves: a user who has synced. Each test starts on a copy of its folder. */
let left: { ready: Ready; printed: string[]; exitCode: number | null; weights: unknown };
let leftIn = '';

beforeAll(async () => {
  leftIn = await mkdtemp(join(tmpdir(), 'mushu-restart-'));
  const { ready, printed, stop } = await spawnDev(dev, ['--state', leftIn, ...anyPorts]);
  try {
    await walk(ready, { userId: 'ada' });
    expect((await asApp(ready, 'POST', '/withings/sync/ada')).status).toBe(200);
    left = { ready, printed, weights: await weights(ready, 'ada'), exitCode: await stop() };
  } finally {
    await stop();
  }
});
afterAll(() => rm(leftIn, { recursive: true, force: true }));

/** The state of the first run, for one test: searched for secrets when the test is done, and deleted. */
const copyOfState = async ({ onTestFinished }: TestContext): Promise<string> => {
  const state = await mkdtemp(join(tmpdir(), 'mushu-restart-'));
  onTestFinished(async () => {
    try {
      expect(await findLeaks(state)).toEqual([]);
    } finally {
      await rm(state, { recursive: true, force: true });
    }
  });
  await cp(leftIn, state, { recursive: true });
  return state;
};

const start = async ({ onTestFinished }: TestContext, state: string, ...args: string[]) => {
  const spawned = await spawnDev(dev, ['--state', state, ...args]);
  onTestFinished(async () => void (await spawned.stop()));
  return spawned;
};

/** Serves a simulator that dev knows nothing about; its origin. */
const listen = async ({ onTestFinished }: TestContext, simulator: Simulator): Promise<string> => {
  const server = createAdaptorServer({ fetch: (request) => simulator.fetch(request) });
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : ''}`;
};

describe.concurrent('npm run dev, stopped and started again', () => {
  test('prints one line and stops everything that it started', async () => {
    expect(left.exitCode).toBe(0);
    expect(left.printed).toHaveLength(1);
    for (const url of [left.ready.url, left.ready.simulator_url]) expect(await isAnswering(url)).toBe(false);
  });

  test('keeps its data and its Withings, its app and its key', async (context) => {
    const state = await copyOfState(context);
    const again = await start(context, state, ...anyPorts);
    expect(again.ready.app_id).toBe(left.ready.app_id);
    expect(await weights(again.ready, 'ada')).toEqual(left.weights);
    expect((await asApp(again.ready, 'POST', '/withings/sync/ada')).status).toBe(200);
    await expect(spawnDev(dev, ['--state', state])).rejects.toThrow(/is in use by process \d+/);
    const taken = new URL(again.ready.url).port;
    await expect(spawnDev(dev, ['--state', `${state}/other`, '--port', taken])).rejects.toThrow(
      `cannot listen on port ${taken}: it is taken`,
    );
  });

  test('leaves nothing running when it is killed, and can be started again', async (context) => {
    const state = await copyOfState(context);
    const killed = await start(context, state, ...anyPorts);
    expect(await killed.stop('SIGKILL')).toBeNull();
    for (const url of [killed.ready.url, killed.ready.simulator_url]) {
      await context.expect.poll(() => isAnswering(url)).toBe(false);
    }
    const again = await start(context, state, ...anyPorts);
    expect(await weights(again.ready, 'ada')).toEqual(left.weights);
  });

  test('takes another Withings in place of the simulated one', async (context) => {
    const state = await copyOfState(context);
    const { port } = await choosePort('The Worker', { flag: '--port', wanted: '0', usual: 0 });
    const client = { clientId: 'other', clientSecret: "se'cr$et\\ #1", name: 'Other' };
    const simulator = createSimulator({
      clients: [{ ...client, redirectUris: [`http://127.0.0.1:${port}/withings/callback`] }],
    });
    const upstream = await listen(context, simulator);
    const other = await start(
      context,
      state,
      '--port',
      String(port),
      '--upstream',
      upstream,
      '--client-id',
      client.clientId,
      '--client-secret',
      client.clientSecret,
    );
    expect(other.ready.simulator_url).toBe(upstream);
    await walk(other.ready, { userId: 'grace', person: 'kenji' });
    expect((await asApp(other.ready, 'POST', '/withings/sync/grace')).status).toBe(200);
    plantSecret('client secret', client.clientSecret);
    for (const { pairs } of simulator.state.grants.all()) {
      for (const { refreshToken } of pairs) plantSecret('refresh token of another Withings', refreshToken);
    }
    expect(simulator.state.people.list().map(({ id }) => id)).toContain('kenji');
    expect(await weights(other.ready, 'grace')).not.toEqual(await weights(other.ready, 'ada'));
  });

  test('takes a setting only with its name', async () => {
    await expect(spawnDev(dev, ['--setting', '10'])).rejects.toThrow('--setting takes NAME=VALUE, not 10.');
  });

  test('lets nobody else read what it keeps', async () => {
    expect((await stat(leftIn)).mode & 0o077).toBe(0);
    for (const name of await readdir(leftIn)) {
      const { mode } = await stat(join(leftIn, name));
      if (name.endsWith('.json') || name.endsWith('.env') || name.endsWith('.log')) expect(mode & 0o077, name).toBe(0);
    }
  });
});
