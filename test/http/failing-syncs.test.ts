import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import type { Faults } from '../../src/simulator/faults.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { dashboardBrowser } from '../support/dashboard.ts';
import { meterFetch } from '../support/meters.ts';
import { codeOf } from '../support/problem.ts';
import type { ConnectionDetail } from '../support/refreshing.ts';

/** How failing syncs are shown, and how long a pause of Withings lasts. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const getmeas = { action: 'getmeas' } as const;

const d1 = meterD1(env.DB);
const sent = meterFetch();
let broker: Broker;
let app: TestApp;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker({ bindings: { DB: d1.d1, WITHINGS_TIMEOUT_MS: '500' }, fetch: sent.wrap });
  app = await makeApp(broker);
});

const sync = (userId = 'ada') => app.call('POST', `/withings/sync/${userId}`);
const detail = async (userId = 'ada') =>
  (await app.call('GET', `/withings/connections/${userId}`)).json<ConnectionDetail>();
type Listed = { user_id: string; failing: string | null };
const listed = async (query = '') => {
  const answer = await broker.manage('GET', `/apps/${app.id}/withings/connections${query}`);
  return (await answer.json<{ data: Listed[] }>()).data.map(({ user_id: id, failing }) => [id, failing]);
};

describe('a connection whose syncs fail', () => {
  const faults: [reason: string, Parameters<Faults['add']>[0]][] = [
    ['http_error', { ...getmeas, kind: 'http_503' }],
    ['not_json', { ...getmeas, kind: 'html' }],
    ['upstream_error', { ...getmeas, kind: 'status', status: 2555 }],
    ['network', { ...getmeas, kind: 'lost_answer' }],
    ['unauthorized', { ...getmeas, kind: 'status', status: 401 }],
  ];

  test.each(faults)('with %s says so, failures in a row as one, until one goes well', async (reason, fault) => {
    await connect(broker, app, 'ada', 'nora');
    await connect(broker, app, 'bea', 'walter');
    broker.simulator.state.faults.add({ ...fault, times: 100 });
    for (let syncs = 0; syncs < 3; syncs += 1) {
      expect(await codeOf(await sync())).toBe('503 withings_unavailable');
      broker.advance(MINUTE_MS);
    }
    const failing = await detail();
    expect(failing.last_failure?.kind).toBe(reason);
    expect(failing.timeline[0]).toMatchObject({ kind: 'sync_failed', reason });
    const failures = failing.timeline.filter(({ kind }) => kind === 'sync_failed');
    // A refused access token is refreshed each time, which is told between.
    if (reason !== 'unauthorized') expect(failures).toEqual([expect.objectContaining({ count: 3 })]);
    expect(await listed()).toEqual([
      ['ada', reason],
      ['bea', null],
    ]);
    expect(await listed('?failing=true')).toEqual([['ada', reason]]);
    expect(await listed('?failing=true&state=disconnected')).toEqual([]);

    broker.simulator.state.faults.clear();
    expect([200, 202]).toContain((await sync()).status);
    expect(await listed('?failing=true')).toEqual([]);
    expect((await detail()).last_failure?.kind).toBe(reason);
  });

  test('by the cron says so as well', async () => {
    await connect(broker, app, 'ada', 'walter');
    expect((await sync()).status).toBe(202);
    broker.simulator.state.faults.add({ ...getmeas, kind: 'http_503', times: 50 });
    for (let ticks = 0; ticks < 3; ticks += 1) {
      broker.advance(11 * MINUTE_MS);
      await broker.tick();
    }
    expect((await detail()).timeline[0]).toMatchObject({ kind: 'sync_failed', reason: 'http_error', count: 3 });
    expect(await listed('?failing=true')).toEqual([['ada', 'http_error']]);
  });

  test('because its refresh does is listed too, and nothing is told twice', async () => {
    await connect(broker, app, 'ada', 'nora');
    broker.advance(4 * HOUR_MS);
    broker.simulator.state.faults.add({ kind: 'http_503', grantType: 'refresh_token', times: 3 });
    for (let syncs = 0; syncs < 3; syncs += 1) {
      await sync();
      broker.advance(2 * MINUTE_MS);
    }
    expect((await detail()).timeline.slice(0, 2)).toMatchObject([
      { kind: 'refresh_failed', reason: 'http_error', count: 3 },
      { kind: 'connected' },
    ]);
    expect(await listed('?failing=true')).toEqual([['ada', 'http_error']]);
    expect((await sync()).status).toBe(200);
    expect(await listed('?failing=true')).toEqual([]);
  });

  test('is found on the dashboard', async () => {
    await connect(broker, app, 'ada', 'nora');
    await connect(broker, app, 'bea', 'walter');
    broker.simulator.state.faults.add({ ...getmeas, kind: 'html', times: 20 });
    await sync();
    const browser = dashboardBrowser(broker);
    await browser.signIn(broker.operatorToken);
    const users = (await browser.get(`/dashboard/apps/${app.id}/users?state=failing`)).html;
    expect(users).toContain('>ada<');
    expect(users).toContain('<code>not_json</code>');
    expect(users).not.toContain('>bea<');
    const user = (await browser.get(`/dashboard/apps/${app.id}/users/ada`)).html;
    expect(user).toContain('Sync failed');
  });

  test('as one in a thousand is listed by its index', async () => {
    await connect(broker, app, 'ada', 'nora');
    const columns =
      'id, app_id, user_id, withings_user_id, is_current, state, state_since, scope, created_at, token_version, access_expires_at, refreshed_at';
    await env.DB.prepare(
      `WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 1000)
       INSERT INTO connections (${columns}) SELECT n, ?1, 'user-' || n, n, 1, 'active', 0, '', 0, 1, 0, 0 FROM many`,
    )
      .bind(app.id)
      .run();
    broker.simulator.state.faults.add({ ...getmeas, kind: 'html', times: 20 });
    await sync();
    d1.reset();
    expect(await listed('?failing=true')).toEqual([['ada', 'not_json']]);
    expect(d1.rowsRead()).toBeLessThanOrEqual(6);
  });
});

describe('Withings asks to wait', () => {
  test.each([
    ['for a refresh', { kind: 'status', status: 601, grantType: 'refresh_token', waitSeconds: 188 }],
    ['for measurements', { ...getmeas, kind: 'status', status: 601, waitSeconds: 188 }],
  ] as const)(
    '%s: five syncs within a second send one request, and are told the rest of the wait',
    async (_, fault) => {
      await connect(broker, app, 'ada', 'nora');
      await connect(broker, app, 'bea', 'ines');
      broker.advance(4 * HOUR_MS);
      broker.simulator.state.faults.add({ ...fault, person: 'nora', times: 50 });
      const before = broker.simulator.state.calls.list().filter(({ status }) => status === 601).length;
      const waits: (string | null)[] = [];
      for (let syncs = 0; syncs < 5; syncs += 1) {
        const answer = await sync();
        expect(await codeOf(answer)).toBe('503 withings_unavailable');
        waits.push(answer.headers.get('Retry-After'));
        broker.advance(200);
      }
      const refused = () => broker.simulator.state.calls.list().filter(({ status }) => status === 601).length - before;
      expect(refused()).toBe(1);
      expect(waits).toEqual(['188', '188', '188', '188', '188']);
      // Nor does the cron ask.
      for (let minutes = 0; minutes < 3; minutes += 1) {
        await broker.tick();
        broker.advance(MINUTE_MS);
      }
      expect(refused()).toBe(1);
      broker.simulator.state.faults.clear();
      broker.advance(MINUTE_MS);
      expect((await sync()).status).toBe(200);
    },
  );

  test('at one connection: the others go on', async () => {
    await connect(broker, app, 'ada', 'nora');
    await connect(broker, app, 'bea', 'ines');
    broker.simulator.state.faults.add({ ...getmeas, kind: 'status', status: 601, waitSeconds: 188 });
    await sync();
    expect((await sync('bea')).status).toBe(200);
  });
});
