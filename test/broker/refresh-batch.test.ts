import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';

import { PLANS } from '../../src/domain/plan.ts';
import { connect } from '../support/broker.ts';
import {
  DUE_MS,
  HOUR_MS,
  LEASE_MS,
  MINUTE_MS,
  type Refreshing,
  setConnection,
  startRefreshing,
  statesOf,
  stillWorks,
  until,
  withdraw,
} from '../support/refreshing.ts';

/** What a tick refreshes: who goes first, where it ends, what it leaves behind when it is killed. */

const PEOPLE = ['nora', 'walter', 'ines'];

describe('a batch', () => {
  test('ends at the first 601, and the share is closed for as long as Withings asks', async () => {
    const refreshing = await startRefreshing(PEOPLE);
    refreshing.broker.simulator.state.faults.add({ kind: 'status', status: 601, waitSeconds: 188, times: 1 });
    refreshing.broker.advance(DUE_MS);
    refreshing.decide(() => undefined);
    await refreshing.broker.tick();
    await refreshing.run(3 * MINUTE_MS, MINUTE_MS);
    expect(refreshing.refreshes()).toBe(1);
    await refreshing.run(10 * MINUTE_MS, MINUTE_MS);
    expect((await refreshing.rows()).map(({ token_version: version }) => version)).toEqual([2, 2, 2]);
    expect(await statesOf(refreshing)).toEqual(['active', 'active', 'active']);
  });

  test('asks a dead Withings twice every five minutes, not once per connection', async () => {
    const refreshing = await startRefreshing(PEOPLE);
    refreshing.broker.simulator.state.faults.add({ kind: 'http_503', times: 1_000 });
    refreshing.broker.advance(DUE_MS);
    refreshing.decide(() => undefined);
    await refreshing.run(60 * MINUTE_MS, MINUTE_MS);
    expect(refreshing.refreshes()).toBeGreaterThan(4);
    expect(refreshing.refreshes()).toBeLessThanOrEqual(24);
    refreshing.broker.simulator.state.faults.clear();
    for (const person of PEOPLE) expect(await stillWorks(refreshing, person)).toBe(true);
  });

  test("goes on after one connection's own trouble", async () => {
    const refreshing = await startRefreshing(PEOPLE);
    refreshing.broker.simulator.state.faults.add({ kind: 'html', person: 'nora', times: 1_000 });
    refreshing.broker.advance(DUE_MS);
    await refreshing.broker.tick();
    expect((await refreshing.rows()).map(({ token_version: version }) => version)).toEqual([1, 2, 2]);
  });

  test('is released if the share is used up in the middle of it', async () => {
    const refreshing = await startRefreshing([...PEOPLE, 'priya'], { bindings: { CRON_REQUESTS_PER_MINUTE: '6' } });
    refreshing.broker.advance(DUE_MS);
    refreshing.decide(() => undefined);
    await refreshing.broker.tick();
    expect(refreshing.refreshes()).toBe(3);
    for (const row of await refreshing.rows()) {
      expect(row).toMatchObject({ refresh_lease_id: null, in_doubt_since: null, refresh_failures: 0 });
    }
    await refreshing.run(2 * MINUTE_MS, MINUTE_MS);
    expect(refreshing.refreshes()).toBe(4);
  });

  test('ends in time for its leases when Withings is slow', async () => {
    const refreshing = await startRefreshing(PEOPLE);
    refreshing.broker.advance(DUE_MS);
    refreshing.decide(({ kind }) => {
      if (kind === 'fetch') refreshing.broker.advance(35_000);
      return undefined;
    });
    await refreshing.broker.tick();
    expect(refreshing.refreshes()).toBe(2);
    expect((await refreshing.rows()).filter(({ refresh_lease_id: id }) => id !== null)).toEqual([]);
  });

  test('leaves a disabled app alone, except for what is in doubt', async () => {
    const refreshing = await startRefreshing(['nora', 'walter']);
    const { broker, app } = refreshing;
    broker.advance(DUE_MS);
    broker.simulator.state.faults.add({ kind: 'lost_answer', person: 'nora' });
    await setConnection('walter', { next_refresh_at: broker.now() + HOUR_MS });
    await broker.tick();
    await broker.manage('PATCH', `/apps/${app.id}`, { disabled: true });
    await refreshing.run(3 * HOUR_MS, 10 * MINUTE_MS);
    expect((await refreshing.rows()).map(({ token_version: version }) => version)).toEqual([2, 1]);
    await broker.manage('PATCH', `/apps/${app.id}`, { disabled: false });
    for (const person of ['nora', 'walter']) expect(await stillWorks(refreshing, person)).toBe(true);
  });

  test('stays below 45 D1 calls and 45 requests in the worst tick', async () => {
    const users = Array.from({ length: 16 }, (_, index) => `user-${index}`);
    const refreshing = await startRefreshing([]);
    for (const user of users) await connect(refreshing.broker, refreshing.app, user, 'nora');
    refreshing.broker.advance(DUE_MS);
    await refreshing.broker.tick();
    const worst = async (decide: Parameters<Refreshing['decide']>[0]) => {
      await env.DB.prepare(
        'UPDATE connections SET next_refresh_at = 1, refresh_lease_id = NULL, refresh_lease_until = NULL, sync_resume_at = 1',
      ).run();
      await env.DB.prepare('DELETE FROM request_budgets').run();
      refreshing.broker.advance(MINUTE_MS);
      refreshing.decide(decide);
      await refreshing.broker.tick();
      const effects = refreshing.effects();
      expect(effects.filter(({ kind }) => kind === 'd1').length).toBeLessThanOrEqual(45);
      expect(effects.filter(({ kind }) => kind === 'fetch').length).toBeLessThanOrEqual(45);
      return refreshing.refreshes();
    };
    expect(await worst(() => undefined)).toBeGreaterThan(5);
    const isWrite = (statements: readonly string[]) => statements.some((sql) => /^\s*update/i.test(sql));
    await worst(({ statements, number }) => (isWrite(statements) && number % 2 === 0 ? 'refused' : undefined));
    await worst(({ statements, number }) => (isWrite(statements) && number > 4 ? 'refused' : undefined));
    await worst(({ statements, number }) => (isWrite(statements) && number > 4 ? 'answer_lost' : undefined));
    withdraw(refreshing, 'nora');
    expect(await worst(() => undefined)).toBeGreaterThan(5);
  });
});

describe('a full tick', () => {
  const USERS = Array.from({ length: PLANS.free.refreshBatch }, (_, index) => `user-${index}`);
  /** As many connections due as a tick refreshes, and one person behind all of them. */
  const startFull = async () => {
    const refreshing = await startRefreshing([]);
    // The first tick of all looks at the keyring, and notes that it came.
    await refreshing.broker.tick();
    for (const user of USERS) await connect(refreshing.broker, refreshing.app, user, 'nora');
    // Nor is anything swept later on.
    refreshing.broker.advance(2 * HOUR_MS);
    await refreshing.broker.tick();
    refreshing.broker.advance(DUE_MS - 2 * HOUR_MS);
    return refreshing;
  };

  test('is killed after any of its refreshes: that one is in doubt, and the others are due as before', async () => {
    for (let sent = 1; sent <= USERS.length; sent += 1) {
      const refreshing = await startFull();
      const before = new Map((await refreshing.rows()).map((row) => [row.id, row]));
      refreshing.decide(({ body }) =>
        body.includes('refresh_token') && refreshing.refreshes() === sent ? 'dies_after' : undefined,
      );
      void refreshing.broker.tick();
      await until(() => refreshing.deaths() === 1);

      const after = await refreshing.rows();
      expect(after.filter(({ token_version: version }) => version === 2)).toHaveLength(sent - 1);
      expect(after.filter(({ in_doubt_since: since }) => since !== null)).toHaveLength(1);
      const others = after.filter((row) => row.token_version === 1 && row.in_doubt_since === null);
      expect(others).toEqual(others.map(({ id }) => before.get(id)));
      expect(others).toHaveLength(USERS.length - sent);
    }
  });

  test('is killed, and each of the others is refreshed once by the next tick, at its turn', async () => {
    const refreshing = await startFull();
    refreshing.decide(({ body }) =>
      body.includes('refresh_token') && refreshing.refreshes() === 3 ? 'dies_before' : undefined,
    );
    void refreshing.broker.tick();
    await until(() => refreshing.deaths() === 1);
    refreshing.decide(() => undefined);
    refreshing.broker.advance(MINUTE_MS);
    await refreshing.broker.tick();
    expect(refreshing.refreshes()).toBe(USERS.length - 3);
    refreshing.broker.advance(LEASE_MS);
    await refreshing.broker.tick();
    expect(refreshing.refreshes()).toBe(USERS.length - 2);
    const soon = refreshing.broker.now() + 4 * HOUR_MS;
    // Only what was in doubt is confirmed by another refresh within hours.
    expect((await refreshing.rows()).filter(({ next_refresh_at: at }) => (at ?? 0) <= soon)).toHaveLength(1);
  });

  test('makes three round trips to D1, and one for each refresh', async () => {
    const refreshing = await startFull();
    refreshing.decide(() => undefined);
    await refreshing.broker.tick();
    expect(refreshing.refreshes()).toBe(USERS.length);
    const trips = refreshing.effects().filter(({ kind }) => kind === 'd1');
    // Once an hour a tick notes that it came.
    const isNote = (sql: string) => sql.startsWith('INSERT INTO broker_state');
    const notes = trips.filter(({ statements }) => statements.some(isNote));
    expect(trips.length - notes.length).toBe(USERS.length + 3);
  });

  test('beside another one sends each refresh once', async () => {
    const refreshing = await startFull();
    refreshing.decide(() => undefined);
    await Promise.all([refreshing.broker.tick(), refreshing.broker.tick()]);
    expect(refreshing.refreshes()).toBe(USERS.length);
    expect((await refreshing.rows()).every((row) => row.token_version === 2 && row.in_doubt_since === null)).toBe(true);
  });
});

test('the refresh within a sync is two round trips to D1: its lease, and its pair', async () => {
  const refreshing = await startRefreshing(['nora']);
  await refreshing.sync('nora');
  const tripsOf = async (wait: number) => {
    refreshing.broker.advance(wait);
    refreshing.decide(() => undefined);
    expect((await refreshing.sync('nora')).status).toBe(200);
    // The key's hourly note is nothing of the sync's.
    const isNote = (sql: string) => sql.startsWith('update "api_keys"');
    return refreshing.effects().filter(({ kind, statements }) => kind === 'd1' && !statements.some(isNote)).length;
  };
  const withGoodToken = await tripsOf(MINUTE_MS);
  expect(await tripsOf(4 * HOUR_MS)).toBe(withGoodToken + 2);
});
