import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import type { Faults } from '../../src/simulator/faults.ts';
import { closeQuota } from '../../src/store/tokens/withings-quota.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { dumpState, type TableDump } from '../support/dump.ts';
import { meterFetch } from '../support/meters.ts';
import { changingNothing, codeOf, readProblem } from '../support/problem.ts';

/** Syncs that cannot be done now: the answer names the remedy, what is stored stays, the next sync finds its way. */

const sent = meterFetch();
let broker: Broker;
let app: TestApp;

/** Answers of Withings wait for this, while it is set. */
let held: Promise<void> | undefined;
const holding =
  (send: typeof fetch): typeof fetch =>
  async (input, init) => {
    const answer = await send(input, init);
    await held;
    return answer;
  };

beforeEach(async () => {
  await emptyTables();
  held = undefined;
  broker = await startBroker({ fetch: (send) => holding(sent.wrap(send)), bindings: { WITHINGS_TIMEOUT_MS: '500' } });
  app = await makeApp(broker);
  sent.reset();
});

const sync = (userId = 'ada') => app.call('POST', `/withings/sync/${userId}`);
const status = async (): Promise<unknown> => (await app.call('GET', '/withings/status/ada')).json();

/** D1 without what a connection notes about its last sync, and without what was asked of Withings. */
const dataOf = async (): Promise<TableDump> => {
  const notes =
    /"(sync_\w+|recent_questions|last_sync_\w+|last_failure_\w+|timeline|last_used_at)":("(\\.|[^"\\])*"|[^,}]*)/g;
  const { request_budgets: _budgets, ...state } = await dumpState();
  return { ...state, connections: (state['connections'] ?? []).map((row) => row.replace(notes, '')) };
};

describe('a user who is not connected', () => {
  test('yet is sent to auth', async () => {
    const response = await changingNothing(() => sync());
    const { status: http, code, detail } = await readProblem(response);
    expect([http, code]).toEqual([409, 'not_connected']);
    expect(detail).toContain('/withings/auth');
    expect(sent.count()).toBe(0);
  });

  test('any more is sent to auth, and keeps what was stored', async () => {
    await connect(broker, app, 'ada', 'nora');
    await sync();
    const { measurements } = await dumpState();
    expect((await app.call('DELETE', '/withings/disconnect/ada')).status).toBe(200);
    sent.reset();
    expect(await codeOf(await changingNothing(() => sync()))).toBe('409 not_connected');
    expect(sent.count()).toBe(0);
    expect((await dumpState())['measurements']).toEqual(measurements);
    expect(await status()).toEqual({ connected: false });
  });

  test('because the connection waits for its confirmation has nothing to sync', async () => {
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'confirm' });
    await connect(broker, app, 'ada', 'nora');
    expect(await codeOf(await changingNothing(() => sync()))).toBe('409 not_connected');
  });
});

describe('a grant that was withdrawn at Withings', () => {
  test('is known at the next sync, and no request is made after that until the user connects again', async () => {
    await connect(broker, app, 'ada', 'nora');
    await sync();
    const { measurements } = await dumpState();
    broker.simulator.state.grants.withdraw(broker.simulator.state.people.find('nora')?.userid ?? 0);
    broker.advance(60_000);
    const { code, detail } = await readProblem(await sync());
    expect(code).toBe('reauth_required');
    expect(detail).toContain('/withings/auth');
    expect(await status()).toEqual({ connected: false });

    sent.reset();
    expect(await codeOf(await changingNothing(() => sync()))).toBe('409 reauth_required');
    expect(sent.count()).toBe(0);
    expect((await dumpState())['measurements']).toEqual(measurements);

    broker.advance(60_000);
    await connect(broker, app, 'ada', 'nora');
    expect(await (await sync()).json()).toMatchObject({ complete: true, added: 0, changed: 0, removed: 0 });
  });

  test('for measurements alone needs the user’s consent again', async () => {
    await connect(broker, app, 'ada', 'nora');
    const nora = broker.simulator.state.people.find('nora');
    if (nora) nora.allowedScopes = [];
    expect((await readProblem(await sync())).detail).toContain('insufficient_scope');
    expect(await status()).toEqual({ connected: false });
  });
});

describe('Withings', () => {
  const getmeas = { action: 'getmeas' };
  const faults: [string, Parameters<Faults['add']>[0]][] = [
    ['is too slow', { ...getmeas, kind: 'late_answer', delayMs: 5_000 }],
    ['loses its answer', { ...getmeas, kind: 'lost_answer' }],
    ['is down', { ...getmeas, kind: 'http_503' }],
    ['breaks', { ...getmeas, kind: 'http_500' }],
    ['answers HTML', { ...getmeas, kind: 'html' }],
    ['answers half of its JSON', { ...getmeas, kind: 'cut_body' }],
    ['answers nothing', { ...getmeas, kind: 'empty_body' }],
    ['wants a pause', { ...getmeas, kind: 'status', status: 601 }],
    ['has trouble', { ...getmeas, kind: 'status', status: 2555 }],
    ['answers an unknown status', { ...getmeas, kind: 'status', status: 987_654 }],
  ];

  test.each(faults)(
    '%s: the caller is told to wait, nothing stored is touched, and the next sync is whole',
    async (_, fault) => {
      await connect(broker, app, 'ada', 'nora');
      await sync();
      broker.advance(60_000);
      const before = await dataOf();
      broker.simulator.state.faults.add(fault);
      const response = await sync();
      expect(response.headers.get('Retry-After')).toMatch(/^[1-9]\d*$/);
      expect(await codeOf(response)).toBe('503 withings_unavailable');
      expect(await dataOf()).toEqual(before);

      broker.advance(Number(response.headers.get('Retry-After')) * 1_000);
      expect(await (await sync()).json()).toMatchObject({ complete: true, added: 0, changed: 0, removed: 0 });
    },
  );

  test('wants a pause of its own length: the caller is told that length', async () => {
    await connect(broker, app, 'ada', 'nora');
    broker.simulator.state.faults.add({ ...getmeas, kind: 'status', status: 601, waitSeconds: 188 });
    expect((await sync()).headers.get('Retry-After')).toBe('188');
  });

  test('refuses an access token that it ended early: a fresh one is got, once', async () => {
    await connect(broker, app, 'ada', 'nora');
    sent.reset();
    broker.simulator.state.faults.add({ ...getmeas, kind: 'status', status: 401 });
    expect((await sync()).status).toBe(200);
    // Refused, refreshed, and the two questions of a first sync.
    expect(sent.count()).toBe(4);
  });

  test('refuses every access token: two are tried, no more, and the user stays connected', async () => {
    await connect(broker, app, 'ada', 'nora');
    sent.reset();
    broker.simulator.state.faults.add({ ...getmeas, kind: 'status', status: 401, times: 5 });
    expect(await codeOf(await sync())).toBe('503 withings_unavailable');
    expect(sent.count()).toBe(3);
    expect(await status()).toEqual({ connected: true });
  });
});

describe('the share of Withings’ requests', () => {
  test('that is used up answers 429 and when to come back, and nothing is sent', async () => {
    await connect(broker, app, 'ada', 'nora');
    await sync();
    broker.advance(60_000);
    const { db, settings } = await broker.deps();
    await closeQuota(db, 'sync', settings.shares.sync, broker.now() + 30_000, broker.now());
    sent.reset();
    const refused = await changingNothing(() => sync());
    expect(await codeOf(refused)).toBe('429 withings_share_used');
    expect(sent.count()).toBe(0);
    broker.advance(Number(refused.headers.get('Retry-After')) * 1_000);
    expect((await sync()).status).toBe(200);
    expect(broker.simulator.state.limits.maxCallsPerMinute()).toBeLessThanOrEqual(120);
  });

  test('that is used up holds a long history up and does not fail it: asked on, it is stored whole', async () => {
    await connect(broker, app, 'ada', 'walter');
    expect((await sync()).status).toBe(202);
    const answers: number[] = [];
    while (answers.at(-1) !== 200 && answers.length < 80) answers.push((await sync()).status);
    expect(answers.at(-1)).toBe(200);
    expect(new Set(answers)).toEqual(new Set([202, 200]));
    expect(broker.simulator.state.limits.maxCallsPerMinute()).toBeLessThanOrEqual(120);
  });

  test('that is closed for long leaves a long history under way, and nothing is sent', async () => {
    await connect(broker, app, 'ada', 'walter');
    await sync();
    await env.DB.prepare('UPDATE request_budgets SET empty_at = ?')
      .bind(broker.now() + 3_600_000)
      .run();
    sent.reset();
    const answer = await sync();
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ added: 0, changed: 0, removed: 0, complete: false });
    expect(sent.count()).toBe(0);
  });
});

describe('syncs at once', () => {
  test('of one user ask what one sync asks and all get its counts', async () => {
    await connect(broker, app, 'ada', 'nora');
    sent.reset();
    const answers = await Promise.all(Array.from({ length: 10 }, () => sync()));
    const bodies = await Promise.all(answers.map((answer) => answer.json()));
    expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(200));
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
    expect(bodies[0]).toMatchObject({ added: 50, complete: true });
    expect(sent.count()).toBe(2);
  });

  test('of one user all get the failure of the one that asked', async () => {
    await connect(broker, app, 'ada', 'nora');
    sent.reset();
    broker.simulator.state.faults.add({ kind: 'http_503', action: 'getmeas' });
    const answers = await Promise.all(Array.from({ length: 10 }, () => sync()));
    expect(new Set(await Promise.all(answers.map(codeOf)))).toEqual(new Set(['503 withings_unavailable']));
    expect(sent.count()).toBe(1);
  });

  test('of many users do not wait for each other', async () => {
    // Four: five first syncs ask more at once than the share grants, and one would go on later.
    const users = ['ada', 'bea', 'cai', 'dov'];
    const people = ['nora', 'ines', 'nora', 'ines'];
    for (const [index, user] of users.entries()) await connect(broker, app, user, people[index] ?? '');
    const answers = await Promise.all(users.map((user) => sync(user)));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
  });

  test('a disconnect in the middle of one wins: nothing is written after it', async () => {
    await connect(broker, app, 'ada', 'nora');
    const { promise, resolve: release } = Promise.withResolvers<void>();
    held = promise;
    const syncing = sync();
    while (!broker.simulator.state.calls.list().some(({ action }) => action === 'getmeas')) await scheduler.wait(1);
    expect((await app.call('DELETE', '/withings/disconnect/ada')).status).toBe(200);
    release();
    expect((await syncing).ok).toBe(false);
    const { measurements, groups } = await dumpState();
    expect([measurements, groups]).toEqual([[], []]);
    const row = await env.DB.prepare(
      'SELECT state, access_token_sealed, refresh_token_sealed FROM connections',
    ).first();
    expect(row).toEqual({ state: 'disconnected', access_token_sealed: null, refresh_token_sealed: null });
  });
});
