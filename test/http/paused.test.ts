import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, expect, test, vi } from 'vitest';

import worker from '../../src/worker.ts';
import { authPath, type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { meterKv } from '../support/meters.ts';
import { readProblem } from '../support/problem.ts';
import { ROUTES } from '../support/routes.ts';

/** A broker whose database is about to be replaced: `PAUSED` is set, as `npm run restore` does. */

const d1 = meterD1(env.DB);
const kv = meterKv(env.LINKS);
let broker: Broker;
let app: TestApp;

beforeAll(async () => {
  await emptyTables();
  broker = await startBroker({ bindings: { DB: d1.d1, LINKS: kv.kv } });
  app = await makeApp(broker);
  await connect(broker, app, 'ada', 'nora');
  broker.advance(4 * 3_600_000);
  broker.deploy({ PAUSED: 'yes' });
  d1.reset();
  kv.reset();
});

test('every route, a good key and an unknown path are refused, and neither D1, KV nor Withings is asked', async () => {
  const asked = broker.simulator.state.calls.list().length;
  const paths = ROUTES.filter(({ method }) => method !== 'ALL').map(
    ({ method, path }) =>
      [
        method,
        path.replaceAll('*', 'x').replaceAll(/:(\w+)(\{[^}]*\})?/g, (_, name) => (name === 'app_id' ? app.id : 'ada')),
      ] as const,
  );
  expect(paths.length).toBeGreaterThan(60);
  for (const [method, path] of [...paths, ['GET', '/dashboard/nothing'] as const]) {
    const headers = { 'X-API-Key': app.key, Authorization: `Bearer ${broker.operatorToken}` };
    const answer = await broker.request(path, { method, headers });
    expect([answer.status, answer.headers.get('Retry-After')], `${method} ${path}`).toEqual([503, '60']);
    expect((await readProblem(answer)).code).toBe('paused');
  }
  expect([d1.calls(), kv.operations]).toEqual([0, []]);
  expect(broker.simulator.state.calls.list()).toHaveLength(asked);
});

test('a person gets a page, and an app in a browser may read why', async () => {
  const page = await broker.request(authPath(app, 'ada'), { headers: { Accept: 'text/html' } });
  expect([page.status, page.headers.get('Content-Type')]).toEqual([503, expect.stringMatching(/^text\/html/)]);
  expect(await page.text()).toContain('Broker paused');
  const headers = { Origin: 'https://app.example.com' };
  const answer = await broker.request(`/apps/${app.id}/withings/status/ada`, { headers });
  expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*');
});

test('a tick does nothing but say so, and no request behind its answer looks for a late cron', async () => {
  const logged = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  const context = createExecutionContext();
  await worker.scheduled({} as ScheduledController, broker.bindings(), context);
  const request = new Request('https://broker.example.com/healthz') as Parameters<typeof worker.fetch>[0];
  expect((await worker.fetch(request, broker.bindings(), context)).status).toBe(503);
  await waitOnExecutionContext(context);
  const lines = logged.mock.calls.map(([line]) => String(line));
  logged.mockRestore();
  expect(lines.filter((line) => line.includes('"event":"tick"') && line.includes('"outcome":"paused"'))).toHaveLength(
    1,
  );
  expect(d1.calls()).toBe(0);
});

test('without it all is as before', async () => {
  broker.deploy({ PAUSED: 'no' });
  const answer = await app.call('GET', '/withings/status/ada');
  expect(await answer.json()).toMatchObject({ connected: true });
});
