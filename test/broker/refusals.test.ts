import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';

import type { Faults } from '../../src/simulator/faults.ts';
import { CLIENT_ID, connect } from '../support/broker.ts';
import { DAY_MS, DUE_MS, HOUR_MS, MINUTE_MS, type Refreshing, startRefreshing } from '../support/refreshing.ts';

/**
 * Refusals that are not known to be final: in other words than today's, or by another status. No connection ends for them while they may
 * pass, and none stays "connected" with a 503 for ever.
 */

type Fault = Omit<Parameters<Faults['add']>[0], 'action'>;

/** What Withings may say one day to a refresh token that is dead. */
const REFUSALS: [words: string, fault: Fault][] = [
  ['503 in other words', { kind: 'status', status: 503, error: 'Invalid Params: the token is gone' }],
  ['401', { kind: 'status', status: 401, error: 'invalid_token' }],
  ['293', { kind: 'status', status: 293, error: 'nope' }],
  ['2555', { kind: 'status', status: 2555, error: 'unknown' }],
  ['an unknown status', { kind: 'status', status: 987_654, error: 'new' }],
];

const refuse = ({ broker }: Refreshing, fault: Fault, person = 'nora') =>
  broker.simulator.state.faults.add({ ...fault, person, grantType: 'refresh_token', times: 100_000 });
const stateOf = async ({ rowOf }: Refreshing, person = 'nora') => (await rowOf(person)).state;

describe('a refresh token that is refused', () => {
  test.each(REFUSALS)(
    'by %s: the user is asked to connect again after half a day, while others are served',
    async (_, fault) => {
      const refreshing = await startRefreshing(['nora', 'walter']);
      refreshing.broker.advance(DUE_MS);
      refuse(refreshing, fault);
      await refreshing.broker.tick();
      for (let hour = 0; hour < 11; hour += 1) {
        await refreshing.run(HOUR_MS, HOUR_MS / 2);
        await refreshing.sync('walter');
        expect((await refreshing.sync('nora')).status).toBe(503);
      }
      expect(await stateOf(refreshing)).toBe('active');
      await refreshing.run(3 * HOUR_MS, HOUR_MS / 2);
      expect(await refreshing.rowOf('nora')).toMatchObject({
        state: 'reauth_required',
        state_reason: 'refresh_token_rejected',
      });
      expect(await stateOf(refreshing, 'walter')).toBe('active');
      refreshing.broker.simulator.state.faults.clear();
      await connect(refreshing.broker, refreshing.app, 'nora', 'nora');
      expect((await refreshing.sync('nora')).status).toBe(200);
    },
  );

  test('with nobody else served, who would show that it is not everybody’s trouble: after three days', async () => {
    const refreshing = await startRefreshing(['nora']);
    refreshing.broker.advance(DUE_MS);
    refuse(refreshing, { kind: 'status', status: 2555 });
    await refreshing.run(2.9 * DAY_MS, HOUR_MS);
    expect(await stateOf(refreshing)).toBe('active');
    await refreshing.run(DAY_MS / 4, HOUR_MS);
    expect(await stateOf(refreshing)).toBe('reauth_required');
  });

  test('is no matter once a refresh goes well: the time begins anew', async () => {
    const refreshing = await startRefreshing(['nora', 'walter']);
    refreshing.broker.advance(DUE_MS);
    refuse(refreshing, { kind: 'status', status: 2555 });
    await refreshing.run(11 * HOUR_MS, HOUR_MS / 2);
    refreshing.broker.simulator.state.faults.clear();
    await refreshing.run(2 * HOUR_MS, HOUR_MS / 2);
    expect(await refreshing.rowOf('nora')).toMatchObject({ refresh_refused_since: null, refresh_failures: 0 });
  });

  test('while the client is refused as well condemns nobody', async () => {
    const refreshing = await startRefreshing(['nora', 'walter']);
    refreshing.broker.advance(DUE_MS);
    refuse(refreshing, { kind: 'status', status: 2555 });
    refreshing.broker.simulator.state.faults.add({ kind: 'status', status: 342, action: 'getnonce', times: 100_000 });
    await refreshing.run(20 * HOUR_MS, HOUR_MS / 2);
    expect(await stateOf(refreshing)).toBe('active');
  });

  test.each([
    ['http_503', { kind: 'http_503' }],
    ['html', { kind: 'html' }],
    ['lost_answer', { kind: 'lost_answer' }],
    ['601', { kind: 'status', status: 601 }],
  ] as const)('nor does %s, however long it lasts', async (_, fault) => {
    const refreshing = await startRefreshing(['nora', 'walter']);
    refreshing.broker.advance(DUE_MS);
    refuse(refreshing, fault);
    await refreshing.run(5 * DAY_MS, 2 * HOUR_MS);
    expect(await stateOf(refreshing)).toBe('active');
  });

  test('in unknown words is tried with the one before, which may be good', async () => {
    const refreshing = await startRefreshing(['nora']);
    refreshing.broker.advance(DUE_MS);
    await refreshing.broker.tick();
    expect((await refreshing.rowOf('nora')).previous_refresh_token_sealed).not.toBeNull();
    await env.DB.prepare('UPDATE connections SET next_refresh_at = 1').run();
    // Withings answers 601 to the same token within seconds.
    refreshing.broker.advance(MINUTE_MS);
    refreshing.broker.simulator.state.faults.add({
      kind: 'status',
      status: 503,
      error: 'Invalid Params: new words',
      grantType: 'refresh_token',
    });
    await refreshing.broker.tick();
    expect(await refreshing.rowOf('nora')).toMatchObject({ state: 'active', token_version: 3 });
  });
});

test.each(['tick', 'sync'])('a refresh by a %s that brings another account’s tokens stores nothing', async (by) => {
  const refreshing = await startRefreshing(['nora']);
  const { broker } = refreshing;
  broker.advance(4 * HOUR_MS);
  const before = await refreshing.rowOf('nora');
  const walter = broker.simulator.state.people.find('walter')?.userid ?? 0;
  refreshing.answerInstead((form) => {
    if (!form.includes('grant_type=refresh_token')) return undefined;
    const { pair } = broker.simulator.state.grants.issue({
      clientId: CLIENT_ID,
      userid: walter,
      scopes: ['user.metrics'],
    });
    const { accessToken: access_token, refreshToken: refresh_token } = pair;
    return Response.json({ status: 0, body: { userid: walter, access_token, refresh_token, expires_in: 10_800 } });
  });
  if (by === 'tick') await broker.tick();
  else expect((await refreshing.sync('nora')).status).toBe(503);
  const { access_token_sealed, refresh_token_sealed, token_version } = before;
  expect(await refreshing.rowOf('nora')).toMatchObject({
    access_token_sealed,
    refresh_token_sealed,
    token_version,
    last_failure_kind: 'malformed',
  });
  // It may have taken effect: within the hours of the token before, the connection is refreshed again.
  expect((await refreshing.rowOf('nora')).in_doubt_since).not.toBeNull();
  refreshing.answerInstead(() => undefined);
  broker.advance(MINUTE_MS);
  expect((await refreshing.sync('nora')).status).toBe(200);
});

describe('measurements that are refused with fresh tokens', () => {
  const refuseMeasures = ({ broker }: Refreshing, status: number) =>
    broker.simulator.state.faults.add({ kind: 'status', status, action: 'getmeas', person: 'nora', times: 100_000 });

  test('for half a day, while others are served: the user is asked to connect again', async () => {
    const refreshing = await startRefreshing(['nora', 'walter']);
    refuseMeasures(refreshing, 401);
    for (let hour = 0; hour < 12; hour += 1) {
      expect((await refreshing.sync('nora')).status).toBe(503);
      refreshing.broker.advance(HOUR_MS);
      await refreshing.sync('walter');
    }
    expect(await stateOf(refreshing)).toBe('active');
    expect((await refreshing.sync('nora')).status).toBe(409);
    expect(await refreshing.rowOf('nora')).toMatchObject({
      state: 'reauth_required',
      state_reason: 'access_token_rejected',
    });
    expect((await refreshing.detail('nora')).timeline[0]?.kind).toBe('reauth_required');
    refreshing.broker.simulator.state.faults.clear();
    await connect(refreshing.broker, refreshing.app, 'nora', 'nora');
    refreshing.broker.advance(MINUTE_MS);
    expect((await refreshing.sync('nora')).status).toBe(200);
    expect(await refreshing.rowOf('nora')).toMatchObject({ sync_refused_since: null, sync_failures: 0 });
  });

  test('five times within a minute: it may pass', async () => {
    const refreshing = await startRefreshing(['nora', 'walter']);
    refuseMeasures(refreshing, 401);
    for (let syncs = 0; syncs < 8; syncs += 1) {
      await refreshing.sync('nora');
      refreshing.broker.advance(MINUTE_MS);
    }
    expect(await stateOf(refreshing)).toBe('active');
  });
});

test.each([401, 403])(
  'HTTP %i on measurements is a token that Withings ended: one refresh, then once more',
  async (httpStatus) => {
    let times = 1;
    const refreshing = await startRefreshing(['nora']);
    const { broker, app } = refreshing;
    const deps = await broker.deps();
    expect(deps).toBeDefined();
    refreshing.answerInstead((body) => {
      if (!body.includes('action=getmeas') || times <= 0) return undefined;
      times -= 1;
      return new Response('', { status: httpStatus });
    });
    expect([200, 202]).toContain((await app.call('POST', '/withings/sync/nora')).status);
    expect(refreshing.refreshes()).toBe(1);
    expect((await refreshing.rowOf('nora')).token_version).toBe(2);
  },
);

test.each(['[]', 'null'])('a body of %s is a new account without measurements', async (body) => {
  const refreshing = await startRefreshing(['nora']);
  refreshing.answerInstead((form) =>
    form.includes('action=getmeas') ? new Response(`{"status":0,"body":${body}}`) : undefined,
  );
  const synced = await refreshing.sync('nora');
  expect([synced.status, await synced.json()]).toEqual([200, expect.objectContaining({ added: 0, complete: true })]);
});
