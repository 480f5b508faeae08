import './shared.ts';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

import { expect, onTestFinished, test } from 'vitest';

import { listen, MUSHU, newMushu } from './mushu.ts';

/** The endpoint that `mushu webhooks listen` adds, so that the app records events, and how it goes again. */

const AT = '2026-06-15T12:00:00.000Z';
const ENDPOINT = {
  description: '',
  events: null,
  payload: 'full',
  disabled: false,
  disabled_reason: null,
  failing_since: null,
  previous_secret_until: null,
  created_at: AT,
};
const LISTEN = ['webhooks', 'listen', '--app', 'app_x'];

/** A broker with two events for every question, and the ids and URLs of the app's endpoints. */
const startBroker = async (urls: readonly string[] = [], beforeAdding: () => void = () => undefined) => {
  const endpoints = new Map(urls.map((url, index) => [`wh_own${index}`, url]));
  const rendered = ([id, url]: [string, string]) => ({ ...ENDPOINT, id, url });
  const eventAfter = (after: number) => {
    const data = { app_id: 'app_x', user_id: 'ada', sequence: after + 1 };
    const event = { id: `evt_${after}`, type: 'user.erased', timestamp: AT, data };
    return { data: [event, event], has_more: false };
  };
  let added = 0;
  const answerOf = (method: string, { pathname, searchParams }: URL): [status: number, body?: object] => {
    if (method === 'DELETE') return [endpoints.delete(pathname.split('/').at(-1) ?? '') ? 204 : 404];
    if (method === 'POST') {
      beforeAdding();
      added += 1;
      endpoints.set(`wh_${added}`, 'https://example.com/mushu-webhooks-listen');
      return [201, { ...rendered([`wh_${added}`, endpoints.get(`wh_${added}`) ?? '']), secret: 'whsec_x' }];
    }
    if (pathname.endsWith('/webhooks')) return [200, { data: [...endpoints].map(rendered) }];
    const after = Number(searchParams.get('after'));
    return [200, { ...(after === 0 ? { data: [], has_more: false } : eventAfter(after)), next_after: after + 1 }];
  };
  const url = await listen((request, response) => {
    const [status, body] = answerOf(request.method ?? '', new URL(request.url ?? '', 'http://broker'));
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(body && JSON.stringify(body));
  });
  return { endpoints, env: { MUSHU_URL: url, MUSHU_TOKEN: 't', PATH: process.env['PATH'] ?? '' } };
};

const start = (env: Record<string, string>) => {
  const child = spawn(process.execPath, [MUSHU, ...LISTEN], { env, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
};

test.each(['', '2>&1'])('a reader that has seen enough leaves no endpoint behind: %s', async (redirect) => {
  const { endpoints, env } = await startBroker();
  const line = `set -o pipefail; "${process.execPath}" "${MUSHU}" ${LISTEN.join(' ')} ${redirect} | head -1`;
  const { stdout } = await promisify(execFile)('bash', ['-c', line], { env });
  expect(stdout.trim().split('\n')).toHaveLength(1);
  expect([...endpoints]).toEqual([]);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s while the endpoint is added removes it', async (signal) => {
  const { endpoints, env } = await startBroker([], () => child.kill(signal));
  const child = start(env);
  expect(await once(child, 'close')).toEqual([0, null]);
  expect([...endpoints]).toEqual([]);
});

test('a listener that ends leaves the endpoint of another, and says how to remove what a killed one left', async () => {
  const { endpoints, env } = await startBroker();
  const first = start(env);
  await expect.poll(() => [...endpoints.keys()]).toEqual(['wh_1']);
  const { code, err } = await newMushu().run([...LISTEN, '--count', '1'], env);
  expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('mushu webhooks remove wh_1 --app app_x') });
  expect([...endpoints.keys()]).toEqual(['wh_1']);
  first.kill('SIGTERM');
  await once(first, 'close');
  expect([...endpoints.keys()]).toEqual([]);
});

test('an app with an endpoint of its own gets no other, whatever a killed listener left', async () => {
  const { endpoints, env } = await startBroker([
    'https://hooks.example.com/',
    'https://example.com/mushu-webhooks-listen',
  ]);
  const { code, err } = await newMushu().run([...LISTEN, '--count', '1'], env);
  expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('mushu webhooks remove wh_own1 --app app_x') });
  expect([...endpoints.keys()]).toEqual(['wh_own0', 'wh_own1']);
});

test('--count ends it after so many events, also if more came at once', async () => {
  const { env } = await startBroker();
  const { out } = await newMushu().run([...LISTEN, '--count', '3', '--json'], env);
  expect(
    out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: string }).id),
  ).toEqual(['evt_1', 'evt_1', 'evt_2']);
});
