import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';

import { connect } from '../support/broker.ts';
import {
  DAY_MS,
  DUE_MS,
  HOUR_MS,
  MINUTE_MS,
  type Refreshing,
  rejectRefreshes,
  setConnection,
  startRefreshing,
  statesOf,
  stillWorks,
  withdraw,
} from '../support/refreshing.ts';

/**
 * What the protocol promises beyond surviving a crash: who is condemned, what becomes of a doubt, what it costs, what
 * is told.
 */

const PEOPLE = ['nora', 'walter', 'ines'];

const alarms = ({ broker }: Refreshing) => broker.logs.filter(({ event }) => event === 'alarm');

describe('a connection is condemned', () => {
  test('only by a rejection of the stored token and of the one before', async () => {
    const refreshing = await startRefreshing(['nora']);
    refreshing.broker.advance(DUE_MS);
    await refreshing.broker.tick();
    expect((await refreshing.rowOf('nora')).previous_refresh_token_sealed).not.toBeNull();
    // Withings forgets the newest pair, as if it had never been issued.
    const [grant] = refreshing.broker.simulator.state.grants.all();
    const newest = grant?.pairs.at(-1);
    if (newest) Object.assign(newest, { accessDead: true, refreshDead: true });
    refreshing.broker.advance(MINUTE_MS);
    expect((await refreshing.sync('nora')).status).toBe(200);
    expect((await refreshing.rowOf('nora')).previous_refresh_token_sealed).toBeNull();
  });

  test('when its person has withdrawn: the app is told, and reconnecting mends it in place', async () => {
    const refreshing = await startRefreshing(['nora']);
    const { broker, app } = refreshing;
    const { id } = await refreshing.rowOf('nora');
    withdraw(refreshing, 'nora');
    broker.advance(DUE_MS);
    await broker.tick();
    expect(await (await app.call('GET', '/withings/status/nora')).json()).toEqual({ connected: false });
    const refused = await refreshing.sync('nora');
    expect([refused.status, await refused.json()]).toEqual([409, expect.objectContaining({ code: 'reauth_required' })]);
    const detail = await refreshing.detail('nora');
    expect(detail).toMatchObject({ state: 'reauth_required', state_reason: 'refresh_token_rejected' });
    expect(detail.state_since).toBe(new Date(broker.now()).toISOString());
    await connect(broker, app, 'nora', 'nora');
    expect(await refreshing.rowOf('nora')).toMatchObject({ id, state: 'active', state_reason: null });
    expect((await refreshing.detail('nora')).timeline.map(({ kind }) => kind)).toEqual([
      'reconnected',
      'reauth_required',
      'connected',
    ]);
    expect(await stillWorks(refreshing, 'nora')).toBe(true);
  });

  test('by a seal that does not open, alone', async () => {
    const refreshing = await startRefreshing(PEOPLE);
    await setConnection('walter', { refresh_token_sealed: (await refreshing.rowOf('nora')).refresh_token_sealed });
    refreshing.broker.advance(DUE_MS);
    await refreshing.broker.tick();
    expect(await statesOf(refreshing)).toEqual(['active', 'reauth_required', 'active']);
    expect((await refreshing.rowOf('walter')).state_reason).toBe('seal_broken');
    expect((await refreshing.rows()).map(({ token_version: version }) => version)).toEqual([2, 1, 2]);
  });
});

describe('nobody is condemned', () => {
  test.each([1, 2, 3])('by a wrong client secret, with %d connections, by ticks or by syncs', async (count) => {
    const refreshing = await startRefreshing(PEOPLE.slice(0, count));
    // Withings is not known to tell a wrong secret from a dead token: here it does not.
    rejectRefreshes(refreshing);
    for (const client of refreshing.broker.simulator.state.clients.values()) client.clientSecret = 'another';
    refreshing.broker.advance(4 * HOUR_MS);
    for (let ticks = 0; ticks < 5; ticks += 1) {
      await refreshing.broker.tick();
      for (const person of PEOPLE.slice(0, count)) expect((await refreshing.sync(person)).status).toBe(503);
      refreshing.broker.advance(20 * MINUTE_MS);
    }
    expect(await statesOf(refreshing)).toEqual(Array(count).fill('active'));
    expect(alarms(refreshing).length).toBeGreaterThan(0);
  });

  test('while Withings does not say whether the client is the one', async () => {
    const refreshing = await startRefreshing(['nora']);
    rejectRefreshes(refreshing, 1);
    refreshing.broker.simulator.state.faults.add({ kind: 'http_500', action: 'getnonce' });
    refreshing.broker.advance(DUE_MS);
    await refreshing.broker.tick();
    expect(refreshing.nonces()).toBe(1);
    expect(await stillWorks(refreshing, 'nora')).toBe(true);
  });

  test('by a sealing key that the ring lacks: refreshes pause, the operator is told', async () => {
    const refreshing = await startRefreshing(PEOPLE);
    refreshing.broker.advance(DUE_MS);
    await refreshing.broker.tick();
    await env.DB.prepare(
      `UPDATE connections SET refresh_token_sealed = replace(refresh_token_sealed, substr(refresh_token_sealed, 1, instr(refresh_token_sealed, '.') - 1), ?1),
        next_refresh_at = 0, next_review_at = NULL`,
    )
      .bind(btoa('{"enc":"A256GCM","alg":"dir","kid":"k9"}').replaceAll('=', ''))
      .run();
    refreshing.decide(() => undefined);
    await refreshing.broker.tick();
    expect(refreshing.refreshes()).toBe(0);
    expect(await statesOf(refreshing)).toEqual(['active', 'active', 'active']);
    expect(alarms(refreshing)).toContainEqual(expect.objectContaining({ outcome: 'sealing_key_missing' }));
    // The share is closed for a while: the next tick does not even take leases.
    refreshing.decide(() => undefined);
    refreshing.broker.advance(MINUTE_MS);
    await refreshing.broker.tick();
    expect(refreshing.effects().length).toBe(1);
  });
});

describe('a refresh in doubt', () => {
  test('goes before a backlog that would keep it waiting for longer than its 8 hours', async () => {
    const refreshing = await startRefreshing(PEOPLE, { bindings: { REFRESH_BATCH: '1' } });
    const { broker } = refreshing;
    broker.advance(DUE_MS);
    await setConnection('nora', { next_refresh_at: 1 });
    broker.simulator.state.faults.add({ kind: 'lost_answer' });
    await broker.tick();
    expect(await refreshing.rowOf('nora')).toMatchObject({ token_version: 1, refresh_failures: 1 });
    for (const person of ['walter', 'ines']) await setConnection(person, { next_refresh_at: 2 });
    broker.advance(5 * MINUTE_MS);
    await broker.tick();
    expect((await refreshing.rows()).map(({ token_version: version }) => version)).toEqual([2, 1, 1]);
  });

  test('is confirmed by another, should the lost request still take effect after the one that succeeded', async () => {
    const refreshing = await startRefreshing(['nora']);
    const { broker } = refreshing;
    const old = broker.simulator.state.grants.all()[0]?.pairs[0]?.refreshToken ?? '';
    broker.advance(DUE_MS);
    refreshing.decide(({ body }) => (body.includes('refresh_token') ? 'refused' : undefined));
    await broker.tick();
    refreshing.decide(() => undefined);
    broker.advance(5 * MINUTE_MS);
    await broker.tick();
    expect((await refreshing.rowOf('nora')).token_version).toBe(2);
    const held = broker.simulator.state.grants.byRefreshToken(old);
    if (held) broker.simulator.state.grants.rotate(held.grant);
    await refreshing.run(10 * HOUR_MS, HOUR_MS);
    broker.advance(30 * DAY_MS);
    expect((await refreshing.sync('nora')).status).toBe(200);
  });
});

test('what it costs: 5 rows written for a refresh, as many within a sync, 6 for a review, none where nothing is due', async () => {
  const refreshing = await startRefreshing(['nora']);
  const { broker, meter } = refreshing;
  await refreshing.sync('nora');
  const rowsWritten = async (act: () => Promise<unknown>) => {
    meter.reset();
    await act();
    return meter.rowsWritten();
  };
  broker.advance(2 * HOUR_MS);
  await broker.tick();
  refreshing.decide(() => undefined);
  expect(await rowsWritten(() => broker.tick())).toBe(0);
  expect(refreshing.effects()).toHaveLength(1);
  // On time: what is late leaves a mark, for the operator, every quarter of an hour.
  broker.advance(((await refreshing.rowOf('nora')).next_refresh_at ?? 0) - broker.now());
  expect(await rowsWritten(() => broker.tick())).toBe(5);
  // With nothing new: the key's hourly note, the sync's lease, its share and its end.
  expect(await rowsWritten(() => refreshing.sync('nora'))).toBe(4);
  broker.advance(4 * HOUR_MS);
  expect(await rowsWritten(() => refreshing.sync('nora'))).toBe(4 + 5);
  // An older window, on good tokens: its next turn before and after, each with its index, the lease and the share.
  broker.advance(((await refreshing.rowOf('nora')).next_review_at ?? 0) - broker.now() - MINUTE_MS);
  await broker.tick();
  broker.advance(MINUTE_MS);
  expect(await rowsWritten(() => broker.tick())).toBe(6);
});

test('the timeline tells what happened, newest first, bounded, failures in a row as one', async () => {
  const refreshing = await startRefreshing(['nora']);
  const { broker, app } = refreshing;
  broker.simulator.state.faults.add({ kind: 'http_503', times: 3 });
  await refreshing.run(DUE_MS + 20 * MINUTE_MS, 5 * MINUTE_MS);
  await refreshing.sync('nora');
  withdraw(refreshing, 'nora');
  await refreshing.run(4 * HOUR_MS, HOUR_MS);
  await app.call('DELETE', '/withings/disconnect/nora');
  const { timeline } = await refreshing.detail('nora');
  expect(timeline.map(({ kind, reason, count }) => [kind, reason, count])).toEqual([
    ['disconnected', undefined, undefined],
    ['reauth_required', 'refresh_token_rejected', undefined],
    // Asked for by the cron after that refresh, and by the app.
    ['synced', undefined, 2],
    ['refreshed', undefined, undefined],
    ['refresh_failed', 'http_error', 3],
    ['connected', undefined, undefined],
  ]);
  const times = timeline.map(({ at }) => Date.parse(at));
  expect(times).toEqual(times.toSorted((left, right) => right - left));

  for (let round = 0; round < 15; round += 1) {
    await connect(broker, app, 'nora', 'nora');
    await app.call('DELETE', '/withings/disconnect/nora');
  }
  expect((await refreshing.detail('nora')).timeline).toHaveLength(24);
});
