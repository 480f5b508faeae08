import { describe, expect, test } from 'vitest';

import { usableAccessToken } from '../../src/broker/tokens/access-token.ts';
import { asConnectionId } from '../../src/domain/connection-id.ts';
import { http } from '../../src/http/app.ts';
import { connect, ORIGIN } from '../support/broker.ts';
import {
  DUE_MS,
  HOUR_MS,
  MINUTE_MS,
  type Refreshing,
  rejectRefreshes,
  startRefreshing,
  stillWorks,
  until,
} from '../support/refreshing.ts';

/** Who waits and who wins, where several want the same connection's tokens. */

describe('the one who comes late', () => {
  test('sends nothing where it was held up for longer than its lease carries', async () => {
    const refreshing = await startRefreshing(['nora']);
    refreshing.broker.advance(DUE_MS);
    refreshing.decide(({ statements }) => {
      if (statements.some((sql) => sql.includes('request_budgets') && sql.includes('INSERT')))
        refreshing.broker.advance(75_000);
      return undefined;
    });
    await refreshing.broker.tick();
    expect(refreshing.refreshes()).toBe(0);
    refreshing.decide(() => undefined);
    expect(await stillWorks(refreshing, 'nora')).toBe(true);
  });

  test.each(['disconnect', 'reconnect'])('finds that a %s has won, and writes nothing back', async (winner) => {
    const refreshing = await startRefreshing(['nora'], { settings: { newGrantKillsOlder: true } });
    const { broker, app } = refreshing;
    broker.advance(DUE_MS);
    refreshing.whileAnswering(async (body) => {
      if (!body.includes('grant_type=refresh_token')) return;
      refreshing.whileAnswering(async () => undefined);
      await app.call('DELETE', '/withings/disconnect/nora');
      if (winner === 'reconnect') await connect(broker, app, 'nora', 'nora');
    });
    await broker.tick();
    const row = await refreshing.rowOf('nora');
    expect(row).toMatchObject({ state: winner === 'reconnect' ? 'active' : 'disconnected', refresh_lease_id: null });
    if (winner === 'reconnect') expect(await stillWorks(refreshing, 'nora')).toBe(true);
    else expect(row).toMatchObject({ access_token_sealed: null, refresh_token_sealed: null });
  });

  test('and has been overtaken by the next holder leaves the newer pair in place', async () => {
    const refreshing = await startRefreshing(['nora']);
    const { broker } = refreshing;
    broker.advance(DUE_MS);
    refreshing.whileAnswering(async (body) => {
      if (!body.includes('grant_type=refresh_token')) return;
      refreshing.whileAnswering(async () => undefined);
      broker.advance(2 * MINUTE_MS);
      await broker.tick();
    });
    refreshing.decide(() => undefined);
    await broker.tick();
    expect(refreshing.refreshes()).toBe(2);
    const pairs = broker.simulator.state.grants.all()[0]?.pairs ?? [];
    expect(pairs).toHaveLength(3);
    broker.advance(9 * HOUR_MS);
    expect(await stillWorks(refreshing, 'nora')).toBe(true);
  });
});

/**
 * A holder's lease runs out while Withings answers it, at the first request that `isTheMoment`, and a second holder
 * goes on. The second one's answer comes after the first has woken up, and Withings has carried it out after the first
 * one's.
 */
const overlap = async (refreshing: Refreshing, isTheMoment: (body: string) => boolean): Promise<void> => {
  const { broker } = refreshing;
  const firstIsDone = Promise.withResolvers<void>();
  let second: Promise<unknown> = Promise.resolve();
  refreshing.whileAnswering(async (body) => {
    if (!isTheMoment(body)) return;
    refreshing.whileAnswering(() => firstIsDone.promise);
    broker.advance(2 * MINUTE_MS);
    second = broker.tick();
    await until(() => refreshing.refreshes() === 2);
  });
  refreshing.decide(() => undefined);
  await broker.tick();
  firstIsDone.resolve();
  await second;
};

test('of two holders that overlap, the one whose lease has run out stores nothing', async () => {
  const refreshing = await startRefreshing(['nora']);
  const { broker } = refreshing;
  broker.advance(DUE_MS);
  await overlap(refreshing, () => true);
  expect(broker.simulator.state.grants.all()[0]?.pairs).toHaveLength(3);
  expect((await refreshing.rowOf('nora')).token_version).toBe(2);
  expect(await stillWorks(refreshing, 'nora')).toBe(true);
});

test('a holder whose lease has run out condemns nobody, while its successor is being accepted', async () => {
  const refreshing = await startRefreshing(['nora']);
  const { broker } = refreshing;
  rejectRefreshes(refreshing, 1);
  broker.advance(DUE_MS);
  await overlap(refreshing, (body) => body.includes('action=getnonce'));
  expect(await refreshing.rowOf('nora')).toMatchObject({ state: 'active', token_version: 2 });
  expect(await stillWorks(refreshing, 'nora')).toBe(true);
});

describe('those who do not hold the lease', () => {
  test('50 parallel syncs with an expired token: one refresh, one read, 50 right answers', async () => {
    const refreshing = await startRefreshing(['nora']);
    refreshing.broker.advance(4 * HOUR_MS);
    refreshing.decide(() => undefined);
    const answers = await Promise.all(Array.from({ length: 50 }, () => refreshing.sync('nora')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const bodies = await Promise.all(answers.map((answer) => answer.json()));
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
    expect(refreshing.refreshes()).toBe(1);
    // A first read is of the newest stretch, then of the past.
    expect(refreshing.effects().filter(({ body }) => body.includes('action=getmeas'))).toHaveLength(2);
  });

  test('use the stored token while it lasts, and never refresh beside the holder', async () => {
    const refreshing = await startRefreshing(['nora']);
    refreshing.broker.advance(DUE_MS);
    refreshing.decide(({ body }) => (body.includes('grant_type=refresh_token') ? 'dies_before' : undefined));
    void refreshing.broker.tick();
    await until(() => refreshing.deaths() === 1);
    expect((await refreshing.sync('nora')).status).toBe(200);
    expect(refreshing.refreshes()).toBe(1);
    refreshing.broker.advance(6 * MINUTE_MS);
    refreshing.decide(() => undefined);
    expect(await stillWorks(refreshing, 'nora')).toBe(true);
  });

  test('are told when to come back where the holder has died and the token has run out', async () => {
    const refreshing = await startRefreshing(['nora']);
    refreshing.broker.advance(4 * HOUR_MS);
    refreshing.decide(({ body }) => (body.includes('grant_type=refresh_token') ? 'dies_before' : undefined));
    void refreshing.broker.tick();
    await until(() => refreshing.deaths() === 1);
    refreshing.decide(() => undefined);
    const waited = await refreshing.sync('nora');
    expect([waited.status, waited.headers.get('Retry-After')]).toEqual([503, '2']);
    expect(refreshing.refreshes()).toBe(0);
  });
});

test('a client that goes away does not cut a refresh off: the work is registered to outlive it', async () => {
  const refreshing = await startRefreshing(['nora']);
  refreshing.broker.advance(4 * HOUR_MS);
  const registered: Promise<unknown>[] = [];
  const deps = { ...(await refreshing.broker.deps()), waitUntil: (work: Promise<unknown>) => registered.push(work) };
  const { id } = await refreshing.rowOf('nora');
  let isDone = false;
  const noteDone = () => {
    isDone = true;
  };
  void usableAccessToken(deps, asConnectionId(id), { share: 'sync', isUse: true }).finally(noteDone);
  await until(() => registered.length > 0 || isDone);
  expect(registered).toHaveLength(1);
  await Promise.all(registered);
  expect((await refreshing.rowOf('nora')).token_version).toBe(2);

  refreshing.broker.advance(4 * HOUR_MS);
  registered.length = 0;
  isDone = false;
  const request = new Request(`${ORIGIN}/apps/${refreshing.app.id}/withings/sync/nora`, {
    method: 'POST',
    headers: { 'X-API-Key': refreshing.app.key },
  });
  void Promise.resolve(http.fetch(request, { deps })).finally(noteDone);
  await until(() => registered.length > 1 || isDone);
  expect(registered.length).toBeGreaterThan(1);
  await Promise.all(registered);
  expect((await refreshing.rowOf('nora')).token_version).toBe(3);
});
