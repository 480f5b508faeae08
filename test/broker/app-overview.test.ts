import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';

import { showOverview } from '../../src/broker/apps/app-overview.ts';
import { listConnections } from '../../src/broker/users/list-connections.ts';
import { DELAY_BOUNDS_SECONDS } from '../../src/domain/activity.ts';
import { asAppId } from '../../src/domain/app-id.ts';
import { DAY_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { activityOf } from '../../src/store/users/activity.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { addPerson } from '../support/people.ts';
import { push, weighNow } from '../support/pushes.ts';

let broker: Broker;
let app: TestApp;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker();
  app = await makeApp(broker);
});

/** Users as rows alone: enough for lists and counts. */
const addUsers = (userIds: readonly string[], state: string, appId = app.id): Promise<unknown> =>
  env.DB.batch(
    userIds.map((userId) =>
      env.DB.prepare(
        `INSERT INTO connections (id, app_id, user_id, withings_user_id, is_current, state, state_since, scope, created_at,
           token_version, access_expires_at, refreshed_at) VALUES (abs(random()) % 4503599627370496, ?1, ?2, ?2, 1, ?3, 0, '', 0, 1, 0, 0)`,
      ).bind(appId, userId, state),
    ),
  );

test('counts no user of another app, and none twice', async () => {
  await addUsers(['a', 'b', 'c'], 'active');
  await addUsers(['d', 'e'], 'reauth_required');
  await addUsers(['f'], 'disconnected');
  await addUsers(['a', 'b', 'c', 'd'], 'active', asAppId('app_other'));
  const shown = await showOverview(await broker.deps(), app.id);
  expect(shown.ok && shown.value.users).toEqual({ active: 3, reauth_required: 2, disconnected: 1, pending: 0 });
});

test('pages through users in order, by state and by the beginning of their ids, skipping and repeating none', async () => {
  const ids = Array.from({ length: 120 }, (_, index) => `user-${String(index).padStart(3, '0')}`);
  await addUsers(ids, 'active');
  await addUsers(['user-0000', 'zoe'], 'reauth_required');
  const deps = await broker.deps();
  const walk = async (state: 'active' | 'reauth_required' | undefined, prefix: string): Promise<string[]> => {
    const seen: string[] = [];
    for (let after: string | undefined = ''; after !== undefined;) {
      const page = await listConnections(deps, app.id, { state, prefix, afterUserId: after });
      if (!page.ok) throw new Error(page.failure.kind);
      seen.push(...page.value.users.map(({ userId }) => userId));
      after = page.value.nextAfterUserId;
    }
    return seen;
  };
  expect(await walk('active', '')).toEqual(ids);
  expect(await walk(undefined, 'user-00')).toEqual(['user-000', 'user-0000', ...ids.slice(1, 10)]);
  expect(await walk('reauth_required', '')).toEqual(['user-0000', 'zoe']);
  expect(await walk('reauth_required', 'user-%')).toEqual([]);
});

test('lists who only waits for a confirmation among all, in order and once, over pages', async () => {
  const ids = Array.from({ length: 104 }, (_, index) => `user-${String(index).padStart(3, '0')}`);
  const waits = (_: string, index: number): boolean => index % 3 === 0 || index > 100;
  await addUsers(
    ids.filter((id, index) => !waits(id, index)),
    'active',
  );
  await env.DB.batch(
    // One of them is connected besides.
    [...ids.filter(waits), 'user-001'].map((userId) =>
      env.DB.prepare(
        `INSERT INTO pending_connections (ticket_hash, app_id, user_id, withings_user_id, connection_id, scope, access_token_sealed,
           refresh_token_sealed, access_expires_at, created_at, expires_at) VALUES (?2, ?1, ?2, ?2, 1, '', '', '', 0, ?3, ?4)`,
      ).bind(app.id, userId, broker.now(), broker.now() + DAY_MS),
    ),
  );
  const deps = await broker.deps();
  const seen: [string, string][] = [];
  for (let after: string | undefined = ''; after !== undefined;) {
    const page = await listConnections(deps, app.id, { state: undefined, prefix: '', afterUserId: after });
    if (!page.ok) throw new Error(page.failure.kind);
    seen.push(...page.value.users.map(({ userId, state }): [string, string] => [userId, state]));
    after = page.value.nextAfterUserId;
  }
  expect(seen).toEqual(ids.map((id, index) => [id, waits(id, index) ? 'pending' : 'active']));
});

test('counts the syncs and refreshes of each of the last 30 days, and forgets those before', async () => {
  const [person] = [...broker.simulator.state.people.list()];
  await connect(broker, app, 'ada', person?.id ?? '');
  await app.call('POST', '/withings/sync/ada');
  broker.advance(31 * DAY_MS);
  await app.call('POST', '/withings/sync/ada');
  broker.advance(DAY_MS);
  await app.call('POST', '/withings/sync/ada');
  const shown = await showOverview(await broker.deps(), app.id);
  if (!shown.ok) throw new Error(shown.failure.kind);
  expect(shown.value.activity).toHaveLength(30);
  expect(shown.value.activity.filter(({ synced }) => synced > 0)).toEqual(shown.value.activity.slice(-2));
  expect(shown.value.activity.at(-1)).toMatchObject({ synced: 1, refreshed: 1 });
  const stored = await env.DB.prepare('SELECT activity FROM connections').first<string>('activity');
  expect(Object.values(JSON.parse(stored ?? ''))).toEqual([
    { s: 1, r: 1 },
    { s: 1, r: 1 },
  ]);
});

const today = async () => {
  const shown = await showOverview(await broker.deps(), app.id);
  if (!shown.ok) throw new Error(shown.failure.kind);
  const { pushed, synced, delays = [] } = shown.value.activity.at(-1) ?? {};
  return { pushed, synced, delays: delays.flatMap((count, kind) => Array(count).fill(DELAY_BOUNDS_SECONDS[kind])) };
};

test('counts a push once it led to a sync, and each weigh-in by the time from Withings’ record to the broker’s', async () => {
  broker = await startBroker({ bindings: { NOTIFY_APPLI: '1,2,4' } });
  app = await makeApp(broker);
  const ada = addPerson(broker, 'ada');
  weighNow(broker, ada, 60);
  broker.advance(DAY_MS);
  await connect(broker, app, 'ada', 'ada');
  await app.call('POST', '/withings/sync/ada');
  // What was there before the user connected is history.
  expect(await today()).toEqual({ pushed: 0, synced: 1, delays: [] });
  broker.advance(MINUTE_MS);
  weighNow(broker, ada, 61);
  broker.advance(3_000);
  for (let doubles = 0; doubles < 3; doubles += 1) await push(broker, ada);
  await broker.settle();
  const { synced = 0, ...pushedOnce } = await today();
  expect(pushedOnce).toEqual({ pushed: 1, delays: [expect.any(Number)] });
  expect(pushedOnce.delays[0]).toBeGreaterThan(2);
  expect(pushedOnce.delays[0]).toBeLessThanOrEqual(60);
  weighNow(broker, ada, 62);
  broker.advance(50 * MINUTE_MS);
  await app.call('POST', '/withings/sync/ada');
  expect(await today()).toEqual({ pushed: 1, synced: synced + 1, delays: [...pushedOnce.delays, 3_600] });
});

test('counts the groups of a weigh-in once, and neither an edit nor what is read again', async () => {
  const ada = addPerson(broker, 'ada');
  await connect(broker, app, 'ada', 'ada');
  broker.advance(MINUTE_MS);
  const date = Math.floor(broker.now() / 1000);
  const groups = broker.simulator.state.weighIns.add(ada, { weightKg: 70, fatRatio: 20, date, device: 'body_scan' });
  expect(groups.length).toBeGreaterThan(1);
  broker.advance(20 * MINUTE_MS);
  await app.call('POST', '/withings/sync/ada');
  const { delays } = await today();
  expect(delays).toHaveLength(1);
  const [group] = groups;
  broker.simulator.state.weighIns.edit(ada, group?.grpid ?? 0, { weightKg: 71 });
  for (const changed of [expect.any(Number), 0]) {
    broker.advance(20 * MINUTE_MS);
    const synced = await app.call('POST', '/withings/sync/ada');
    expect(await synced.json()).toMatchObject({ added: 0, changed });
  }
  expect((await today()).delays).toEqual(delays);
});

test('reads at most 62 rows for each connection, whatever happened on each of the days', async () => {
  const users = Array.from({ length: 20 }, (_, index) => `user-${index}`);
  await addUsers(users, 'active');
  const today = Math.floor(broker.now() / DAY_MS);
  const days = Array.from({ length: 30 }, (_, index) => [today - index, { s: 9, p: 8, r: 7, d3: 4, d4: 3, d9: 1 }]);
  await env.DB.prepare('UPDATE connections SET activity = ?1')
    .bind(JSON.stringify(Object.fromEntries(days)))
    .run();
  const d1 = meterD1(env.DB);
  const deps = await broker.deps();
  const read = await activityOf({ ...deps.db, d1: d1.d1 }, app.id, 1_000);
  expect(read).toMatchObject({ ok: true, value: { users: users.length } });
  expect(read.ok && read.value.days).toHaveLength(30);
  expect(d1.rowsRead()).toBeLessThanOrEqual(62 * users.length);
  expect(d1.rowsRead()).toBeGreaterThan(30 * users.length);
});

test('goes on counting what an earlier release wrote', async () => {
  const day = Math.floor(broker.now() / DAY_MS);
  await connect(broker, app, 'ada', 'nora');
  await env.DB.prepare('UPDATE connections SET activity = ?1')
    .bind(JSON.stringify({ [`s${day}`]: 3, [`r${day}`]: 2, [`s${day - 1}`]: 5, [`s${day - 30}`]: 7 }))
    .run();
  await app.call('POST', '/withings/sync/ada');
  const shown = await showOverview(await broker.deps(), app.id);
  if (!shown.ok) throw new Error(shown.failure.kind);
  expect(shown.value.activity.slice(-2)).toEqual([
    expect.objectContaining({ synced: 5, refreshed: 0 }),
    expect.objectContaining({ synced: 4, refreshed: 2 }),
  ]);
  expect(await env.DB.prepare('SELECT activity FROM connections').first('activity')).not.toContain(`${day - 30}`);
});

test('reads no more than is counted, and counts along an index', async () => {
  for (const sql of [
    `SELECT 1 FROM connections WHERE app_id = 'a' AND state = 'active' AND is_current = 1 LIMIT 9`,
    `SELECT user_id FROM connections WHERE app_id = 'a' AND is_current = 1 AND user_id > '' AND state = 'active' ORDER BY user_id LIMIT 9`,
  ]) {
    const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`).all<{ detail: string }>();
    expect(results.map(({ detail }) => detail)).toEqual([expect.stringContaining('connections_by_state')]);
  }
});
