import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';

import { usableAccessToken } from '../../src/broker/tokens/access-token.ts';
import { asConnectionId } from '../../src/domain/connection-id.ts';
import { http } from '../../src/http/app.ts';
import { connect, ORIGIN } from '../support/broker.ts';
import {
  type ConnectionRow,
  DAY_MS,
  DUE_MS,
  HOUR_MS,
  MINUTE_MS,
  type Refreshing,
  startRefreshing,
  stillWorks,
  until,
} from '../support/refreshing.ts';

/** What the protocol promises beyond surviving a crash: who is condemned, who goes first, who waits, who wins. */

const PEOPLE = ['nora', 'walter', 'ines'];

const rejectRefreshes = ({ broker }: Refreshing, times = 100) =>
  broker.simulator.state.faults.add({ kind: 'reject', grantType: 'refresh_token', times });
const withdraw = ({ broker }: Refreshing, person: string) => {
  const { people, grants } = broker.simulator.state;
  grants.withdraw(people.find(person)?.userid ?? 0);
};
const alarms = ({ broker }: Refreshing) => broker.logs.filter(({ event }) => event === 'alarm');
const states = async ({ rows }: Refreshing) => (await rows()).map(({ state }) => state);
const setDue = (userId: string, fields: Partial<ConnectionRow>) =>
  env.DB.prepare(
    `UPDATE connections SET ${Object.keys(fields)
      .map((name) => `${name} = ?`)
      .join(', ')} WHERE user_id = ?`,
  )
    .bind(...Object.values(fields), userId)
    .run();

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
    await setDue('walter', { refresh_token_sealed: (await refreshing.rowOf('nora')).refresh_token_sealed });
    refreshing.broker.advance(DUE_MS);
    await refreshing.broker.tick();
    expect(await states(refreshing)).toEqual(['active', 'reauth_required', 'active']);
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
    expect(await states(refreshing)).toEqual(Array(count).fill('active'));
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
        next_refresh_at = 0`,
    )
      .bind(btoa('{"enc":"A256GCM","alg":"dir","kid":"k9"}').replaceAll('=', ''))
      .run();
    refreshing.decide(() => undefined);
    await refreshing.broker.tick();
    expect(refreshing.refreshes()).toBe(0);
    expect(await states(refreshing)).toEqual(['active', 'active', 'active']);
    expect(alarms(refreshing)).toContainEqual(expect.objectContaining({ outcome: 'sealing_key_missing' }));
    // The share is closed for a while: the next tick does not even take leases.
    refreshing.decide(() => undefined);
    refreshing.broker.advance(MINUTE_MS);
    await refreshing.broker.tick();
    expect(refreshing.effects().length).toBe(1);
  });
});

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
    expect(await states(refreshing)).toEqual(['active', 'active', 'active']);
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

  test('is given back where the share is used up in the middle of it', async () => {
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
    await setDue('walter', { next_refresh_at: broker.now() + HOUR_MS });
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

describe('a refresh in doubt', () => {
  test('goes before a backlog that would keep it waiting for longer than its 8 hours', async () => {
    const refreshing = await startRefreshing(PEOPLE, { bindings: { REFRESH_BATCH: '1' } });
    const { broker } = refreshing;
    broker.advance(DUE_MS);
    await setDue('nora', { next_refresh_at: 1 });
    broker.simulator.state.faults.add({ kind: 'lost_answer' });
    await broker.tick();
    expect(await refreshing.rowOf('nora')).toMatchObject({ token_version: 1, refresh_failures: 1 });
    for (const person of ['walter', 'ines']) await setDue(person, { next_refresh_at: 2 });
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
 * A holder's lease runs out while Withings answers it, at the first request that `isTheMoment`, and a second holder goes on. The second
 * one's answer comes after the first has woken up, and Withings has carried it out after the first one's.
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
  void usableAccessToken(deps, asConnectionId(id), { share: 'sync' });
  await until(() => registered.length > 0);
  expect(registered).toHaveLength(1);
  await Promise.all(registered);
  expect((await refreshing.rowOf('nora')).token_version).toBe(2);

  refreshing.broker.advance(4 * HOUR_MS);
  registered.length = 0;
  const request = new Request(`${ORIGIN}/apps/${refreshing.app.id}/withings/sync/nora`, {
    method: 'POST',
    headers: { 'X-API-Key': refreshing.app.key },
  });
  void http.fetch(request, { deps });
  await until(() => registered.length > 1);
  await Promise.all(registered);
  expect((await refreshing.rowOf('nora')).token_version).toBe(3);
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
    ['synced', undefined, undefined],
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
