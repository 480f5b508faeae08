import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';

import { afterAll, beforeAll, expect, inject, test } from 'vitest';

import { registerRedirectUri, updateApp } from '../../src/client/management.ts';
import { getLatestMetrics } from '../../src/client/metrics.ts';
import { locationOf, send } from './client.ts';

/** `examples/web` as its README starts it, used as a browser uses it. */

const { ready } = inject('dev');
let example: ChildProcess;
let origin: string;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

beforeAll(async () => {
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const operator = { url: ready.url, credential: ready.admin_token };
  expect(await updateApp(operator, ready.app_id, { allow_loopback: true })).toMatchObject({ ok: true });
  expect(await registerRedirectUri(operator, ready.app_id, `${origin}/withings/done`)).toMatchObject({ ok: true });
  example = spawn(process.execPath, ['examples/web/server.ts'], {
    env: {
      ...process.env,
      PORT: String(port),
      MUSHU_URL: ready.url,
      MUSHU_APP_ID: ready.app_id,
      MUSHU_API_KEY: ready.api_key,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => example.stdout?.once('data', resolve));
});
afterAll(() => {
  example.kill();
});

/** Presses "Connect", decides at Withings, and comes back. Where the example sends the browser then. */
const connect = async (cookie: string, decision: 'allow' | 'deny'): Promise<string> => {
  const started = await locationOf(await send(`${origin}/connect`, { method: 'POST', headers: { Cookie: cookie } }));
  const asked = await send(started);
  const binding = asked.headers.getSetCookie().map((text) => text.split(';')[0]);
  const consented = await send(await locationOf(asked), {
    method: 'POST',
    body: new URLSearchParams({ person: 'nora', decision }),
  });
  const finished = await send(await locationOf(consented), { headers: { Cookie: binding.join('; ') } });
  return locationOf(await send(await locationOf(finished), { headers: { Cookie: cookie } }));
};

test('a refusal comes back to the page as its error, then a consent shows the weight by the user’s own token', async () => {
  const page = await send(origin);
  expect(await page.text()).toContain('Connect Withings');
  const cookie = page.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  expect(await connect(cookie, 'deny')).toBe('/?error=access_denied');

  expect(await connect(cookie, 'allow')).toBe('/');
  const handed = await send(`${origin}/token`, { headers: { Cookie: cookie } });
  const { url, appId, userId, token } = (await handed.json()) as Record<'url' | 'appId' | 'userId' | 'token', string>;
  expect(token).not.toBe(ready.api_key);
  const latest = await getLatestMetrics({ url, credential: token }, appId, userId, { metric: 'weight' });
  expect(latest).toMatchObject({ ok: true, value: { data: { weight: { unit: 'kg' } } } });

  const preflight = await send(`${url}/apps/${appId}/metrics/${userId}/latest`, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'GET',
      'Access-Control-Request-Headers': 'authorization',
    },
  });
  expect(preflight.headers.get('Access-Control-Allow-Headers')?.toLowerCase()).toContain('authorization');
});
