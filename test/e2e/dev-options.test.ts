import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, test, type TestContext } from 'vitest';

import { spawnDev } from '../../scripts/dev/spawn.ts';
import { requireWritable } from '../../scripts/dev/writable.ts';
import { plantSecret } from '../support/canaries.ts';
import { nowhere } from './mushu.ts';

const dev: [string, ...string[]] = [process.execPath, fileURLToPath(import.meta.resolve('../../scripts/dev.ts'))];
const anyPorts = ['--port', '0', '--simulator-port', '0', '--demo-port', '0'];

const newFolder = async ({ onTestFinished }: TestContext): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'mushu-options-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

/** What it prints instead of starting. */
const refusal = async (...args: string[]): Promise<string> => {
  const spawned = spawnDev(dev, args);
  const error: unknown = await spawned.then(({ stop }) => stop()).catch((reason: unknown) => reason);
  return String(error).replace('Error: dev ended before it was ready: ', '').trim();
};

describe.concurrent('npm run dev says in one sentence', () => {
  test('which port is asked for twice', async (context) => {
    const port = new URL(await nowhere()).port;
    const said = await refusal('--state', await newFolder(context), '--port', port, '--simulator-port', port);
    expect(said).toBe(
      `The simulated Withings cannot listen on port ${port}: another part is to listen there. Choose another with --simulator-port.`,
    );
  });

  test('that a folder cannot be written', async (context) => {
    const file = join(await newFolder(context), 'file');
    await writeFile(file, '');
    expect(await refusal('--state', join(file, 'state'))).toBe(
      `${join(file, 'state')} cannot be written (ENOTDIR). Choose another folder with --state.`,
    );
    expect(() => requireWritable(join(file, 'dist'), 'Clone into a folder of your own.')).toThrow(
      `${join(file, 'dist')} cannot be written (ENOTDIR). Clone into a folder of your own.`,
    );
    // A folder that is there and takes no other.
    expect(() => requireWritable('/proc/none/state', '')).toThrow('/proc/none/state cannot be written');
  });

  test.for([
    ['no private address', ['--host', '203.0.113.7'], '--host takes this machine’s address'],
    ['no address', ['--host', 'example.com'], '--host takes this machine’s address'],
    ['a tunnel over http', ['--public-url', 'http://example.com'], '--public-url takes the https origin'],
    ['a tunnel with a path', ['--public-url', 'https://example.com/x'], '--public-url takes the https origin'],
    ['Withings without a client', ['--withings'], 'The real Withings needs your client'],
    ['two Withings', ['--withings', '--upstream', 'http://127.0.0.1:9'], 'Give one.'],
  ] as const)('that it does not take %s', async ([, args, words], context) => {
    const said = await refusal('--state', await newFolder(context), ...args);
    expect(said).toContain(words.replace('’', "'"));
    expect(said.split('\n')).toHaveLength(1);
  });
});

/** A request that reached this machine under another host. */
const sendAs = (host: string, url: string): Promise<{ location: URL; cookies: string[] }> =>
  new Promise((resolve, reject) => {
    request(url, { headers: { Host: host } }, (answer) => {
      answer.resume();
      resolve({ location: new URL(answer.headers.location ?? ''), cookies: answer.headers['set-cookie'] ?? [] });
    })
      .on('error', reject)
      .end();
  });

const start = async (context: TestContext, ...args: string[]) => {
  const { ready, stop } = await spawnDev(dev, ['--state', await newFolder(context), ...anyPorts, ...args]);
  context.onTestFinished(async () => void (await stop()));
  plantSecret('operator token', ready.admin_token);
  return ready;
};

test.concurrent('an emulator finds the broker and its Withings at the address of the machine', async (context) => {
  const ready = await start(context, '--host', '10.0.2.2');
  const [broker, simulator] = [new URL(ready.url), new URL(ready.simulator_url)];
  expect([broker.hostname, simulator.hostname]).toEqual(['10.0.2.2', '10.0.2.2']);
  const { pathname, search } = new URL(ready.auth_url);
  const { location, cookies } = await sendAs(broker.host, `http://127.0.0.1:${broker.port}${pathname}${search}`);
  expect(location.origin).toBe(simulator.origin);
  expect(location.searchParams.get('redirect_uri')).toBe(`${broker.origin}/withings/callback`);
  expect(cookies.join()).not.toContain('Secure');
  const consent = await fetch(`http://127.0.0.1:${simulator.port}${location.pathname}${location.search}`);
  expect([consent.status, (await consent.text()).includes('Allow')]).toEqual([200, true]);
});

test.concurrent('a phone finds the broker through a tunnel, and the real Withings behind it', async (context) => {
  const client = ['--client-id', 'c1'.repeat(32), '--client-secret', '5e'.repeat(32)];
  const port = new URL(await nowhere()).port;
  const tunnel = 'https://example.trycloudflare.com';
  const ready = await start(context, '--port', port, '--public-url', tunnel, '--withings', ...client);
  expect(ready.url).toBe(tunnel);
  const { pathname, search } = new URL(ready.auth_url);
  const { location, cookies } = await sendAs(new URL(tunnel).host, `http://127.0.0.1:${port}${pathname}${search}`);
  expect(`${location.origin}${location.pathname}`).toBe('https://account.withings.com/oauth2_user/authorize2');
  expect(location.searchParams.get('redirect_uri')).toBe(`${tunnel}/withings/callback`);
  expect(cookies.join()).toMatch(/^__Host-mushu_link=.*; Secure/);
});
