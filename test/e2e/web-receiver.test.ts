import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { choosePort } from '../../scripts/dev/ports.ts';
import { updateApp } from '../../src/client/management.ts';
import { createWebhook, deleteWebhook, testWebhook } from '../../src/client/webhooks.ts';
import { ready } from './shared.ts';

/** `examples/web/receiver.ts` as its README starts it, with the broker that sends it events. */

const operator = { url: ready.url, credential: ready.admin_token };
let receiver: ChildProcess | undefined;
let printed = '';
let url: string;
let hook: { id: string; secret: string };

beforeAll(async () => {
  const { port } = await choosePort('The receiver', { flag: '--port', wanted: '0', usual: 0 });
  url = `http://127.0.0.1:${port}/webhooks`;
  await updateApp(operator, ready.app_id, { allow_loopback: true });
  const created = await createWebhook(operator, ready.app_id, { url });
  if (!created.ok) throw new Error(JSON.stringify(created.failure));
  hook = created.value;
  const child = spawn(process.execPath, ['examples/web/receiver.ts'], {
    env: { ...process.env, PORT: String(port), MUSHU_WEBHOOK_SECRET: hook.secret },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  receiver = child;
  child.stdout.on('data', (text: Buffer) => (printed += text.toString()));
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the receiver ended before it listened')));
  await Promise.race([once(child.stdout, 'data'), ended]);
});
afterAll(async () => {
  receiver?.kill();
  await deleteWebhook(operator, ready.app_id, hook.id);
});

/** Sends a body as the broker would, or as a stranger would. */
const post = (id: string, body: string, { secret = hook.secret, at = Date.now() } = {}) => {
  const seconds = String(Math.floor(at / 1_000));
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  const headers = { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': `v1,${signature}` };
  return fetch(url, { method: 'POST', body, headers });
};
const eventOf = (id: string, sequence: number, type = 'user.erased') =>
  JSON.stringify({
    id,
    type,
    timestamp: '2026-06-15T12:00:00Z',
    data: { app_id: ready.app_id, user_id: 'ada', sequence },
  });

test('an event of the broker is verified and printed', async () => {
  expect(await testWebhook(operator, ready.app_id, hook.id)).toMatchObject({ ok: true });
  await expect.poll(() => printed).toContain('webhook.test of test');
});

test('one that is forged, old or larger than any event is refused, and nothing is handled', async () => {
  const before = printed.length;
  const forged = await post('evt_1', eventOf('evt_1', 1), { secret: `whsec_${'A'.repeat(43)}=` });
  const old = await post('evt_1', eventOf('evt_1', 1), { at: Date.now() - 6 * 60_000 });
  const huge = await post('evt_1', ' '.repeat(300 * 1024));
  expect([forged.status, old.status, huge.status]).toEqual([401, 401, 413]);
  expect((await fetch(url)).status).toBe(404);
  expect(printed.slice(before)).not.toContain('user.erased');
});

test('an older one is handled if it is of measurements, which are as of when it is sent', async () => {
  for (const [id, sequence] of [
    ['evt_2', 2],
    ['evt_1', 1],
  ] as const) {
    expect((await post(id, eventOf(id, sequence, 'measurements.changed'))).status).toBe(204);
  }
  await expect.poll(() => printed.match(/measurements\.changed of ada: many groups/g)).toHaveLength(2);
});

test('one that comes again is taken and not handled again; one that is stale is not handled', async () => {
  const statuses = [];
  for (const [id, sequence] of [
    ['evt_5', 5],
    ['evt_5', 5],
    ['evt_4', 4],
  ] as const) {
    statuses.push((await post(id, eventOf(id, sequence))).status);
  }
  expect(statuses).toEqual([204, 204, 204]);
  await expect.poll(() => printed).toContain('user.erased of ada: stale');
  expect(printed.match(/user\.erased of ada: delete/g)).toHaveLength(1);
  expect(printed).toContain('refused: replayed');
});

test.each(['server', 'receiver'])('%s says in one sentence that its port is taken, or is no port', async (script) => {
  const environment = { MUSHU_URL: ready.url, MUSHU_APP_ID: 'a', MUSHU_API_KEY: 'k', MUSHU_WEBHOOK_SECRET: 'whsec_s' };
  const ends = async (port: string) => {
    const child = spawn(process.execPath, [`examples/web/${script}.ts`], {
      env: { ...process.env, ...environment, PORT: port },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (text: Buffer) => (said += text.toString()));
    const [code] = await once(child, 'close');
    return [code, said];
  };
  const { port } = new URL(url);
  expect(await ends(port)).toEqual([
    1,
    expect.stringMatching(new RegExp(`^Port ${port} cannot be used: choose another with PORT\\..*\n$`)),
  ]);
  expect(await ends('eighty')).toEqual([1, 'Set PORT to a number from 1 to 65535.\n']);
});
