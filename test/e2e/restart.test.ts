import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createAdaptorServer } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { choosePort } from '../../scripts/dev/ports.ts';
import { spawnDev } from '../../scripts/dev/spawn.ts';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { plantSecret } from '../support/canaries.ts';
import { asApp, walk } from './client.ts';
import { findLeaks } from './leaks.ts';

const dev: [string, ...string[]] = [process.execPath, fileURLToPath(import.meta.resolve('../../scripts/dev.ts'))];
let state = '';

const start = async (...args: string[]) => {
  const spawned = await spawnDev(dev, ['--state', state, ...args]);
  onTestFinished(async () => void (await spawned.stop()));
  return spawned;
};
const anyPorts = ['--port', '0', '--simulator-port', '0'];

const weights = async (...[ready, userId]: [Parameters<typeof asApp>[0], string]) =>
  (await asApp(ready, 'GET', `/metrics/${userId}?metric=weight&limit=3`)).json();

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'mushu-restart-'));
});
afterAll(async () => {
  expect(await findLeaks(state)).toEqual([]);
  await rm(state, { recursive: true, force: true });
});

/** Serves a simulator that dev knows nothing about; its origin. */
const listen = async (simulator: Simulator): Promise<string> => {
  const server = createAdaptorServer({ fetch: (request) => simulator.fetch(request) });
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : ''}`;
};

describe('npm run dev, stopped and started again', () => {
  let before: { appId: string; weights: unknown };

  test('prints one line and stops everything that it started', async () => {
    const first = await start(...anyPorts);
    await walk(first.ready, { userId: 'ada' });
    expect((await asApp(first.ready, 'POST', '/withings/sync/ada')).status).toBe(200);
    before = { appId: first.ready.app_id, weights: await weights(first.ready, 'ada') };
    await expect(spawnDev(dev, ['--state', state])).rejects.toThrow(/is in use by process \d+/);

    expect(await first.stop()).toBe(0);
    expect(first.printed).toHaveLength(1);
    for (const url of [first.ready.url, first.ready.simulator_url]) {
      await expect(fetch(url)).rejects.toThrow('fetch failed');
    }
  });

  test('keeps its data and its Withings, its app and its key', async () => {
    const again = await start(...anyPorts);
    expect(again.ready.app_id).toBe(before.appId);
    expect(await weights(again.ready, 'ada')).toEqual(before.weights);
    expect((await asApp(again.ready, 'POST', '/withings/sync/ada')).status).toBe(200);
    const taken = new URL(again.ready.url).port;
    await expect(spawnDev(dev, ['--state', `${state}/other`, '--port', taken])).rejects.toThrow(
      `cannot listen on port ${taken}: it is taken`,
    );
  });

  test('leaves nothing running when it is killed, and can be started again', async () => {
    const killed = await start(...anyPorts);
    expect(await killed.stop('SIGKILL')).toBeNull();
    for (const url of [killed.ready.url, killed.ready.simulator_url]) {
      const answers = () =>
        fetch(url).then(
          () => true,
          () => false,
        );
      await expect.poll(answers, { timeout: 20_000, interval: 200 }).toBe(false);
    }
  });

  test('takes another Withings in place of the simulated one', async () => {
    const { port } = await choosePort('The Worker', { flag: '--port', wanted: '0', usual: 0 });
    const client = { clientId: 'other', clientSecret: "se'cr$et\\ #1", name: 'Other' };
    const simulator = createSimulator({
      clients: [{ ...client, redirectUris: [`http://127.0.0.1:${port}/withings/callback`] }],
    });
    const upstream = await listen(simulator);
    const other = await start(
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

  test('lets nobody else read what it keeps', async () => {
    expect((await stat(state)).mode & 0o077).toBe(0);
    for (const name of await readdir(state)) {
      const { mode } = await stat(join(state, name));
      if (name.endsWith('.json') || name.endsWith('.env') || name.endsWith('.log')) expect(mode & 0o077, name).toBe(0);
    }
  });
});
