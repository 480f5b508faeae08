import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';

import { usableAccessToken } from '../../src/broker/tokens/access-token.ts';
import { asConnectionId } from '../../src/domain/connection-id.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { tableNames } from '../support/dump.ts';

/**
 * The database set back to an earlier time, as Time Travel does: everything that was forgotten since is back, and
 * tokens that were rotated since are dead. What comes of each, and what to do, is what SECURITY.md says.
 */

type Snapshot = Map<string, Record<string, unknown>[]>;

const takeSnapshot = async (): Promise<Snapshot> => {
  const snapshot: Snapshot = new Map();
  for (const table of await tableNames()) {
    snapshot.set(table, (await env.DB.prepare(`SELECT * FROM "${table}"`).all()).results);
  }
  return snapshot;
};

const restore = async (snapshot: Snapshot): Promise<void> => {
  for (const [table, rows] of snapshot) {
    const [first = {}] = rows;
    const columns = Object.keys(first).map((name) => `"${name}"`);
    const insert = `INSERT INTO "${table}" (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
    await env.DB.batch([
      env.DB.prepare(`DELETE FROM "${table}"`),
      ...rows.map((row) => env.DB.prepare(insert).bind(...Object.values(row))),
    ]);
  }
};

type Entry = { action: string; subject: string; at: string };

const HOUR_MS = 3_600_000;
let broker: Broker;
let app: TestApp;
let snapshotAt: string;
let trail: Entry[];
let lostKey: { id: string; key: string };

const sync = (userId: string) => {
  broker.advance(61_000);
  return app.call('POST', `/withings/sync/${userId}`);
};
const isConnected = async (userId: string): Promise<boolean> =>
  (await (await app.call('GET', `/withings/status/${userId}`)).json<{ connected: boolean }>()).connected;
const weights = async (userId: string): Promise<number> => {
  const answer = await app.call('GET', `/metrics/${userId}?metric=weight`);
  return answer.status === 200 ? (await answer.json<{ data: object[] }>()).data.length : 0;
};
const withLostKey = () =>
  broker.request(`/apps/${app.id}/withings/status/still`, { headers: { 'X-API-Key': lostKey.key } });
const wholeTrail = async (): Promise<Entry[]> => {
  const entries: Entry[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page = await broker.manage('GET', `/apps/${app.id}/audit${cursor && `?cursor=${cursor}`}`);
    const { data, next_cursor: next } = await page.json<{ data: Entry[]; next_cursor: string | null }>();
    entries.push(...data);
    cursor = next;
  }
  return entries;
};
const setPolicy = (policy: string) => broker.manage('PATCH', `/apps/${app.id}`, { link_policy: policy });

beforeAll(async () => {
  await emptyTables();
  broker = await startBroker({ bindings: { ALERT_REAUTH_SPIKE: '2' } });
  app = await makeApp(broker);
  lostKey = await (await broker.manage('POST', `/apps/${app.id}/keys`, { name: 'lost' })).json();
  for (const [user, person, firstAnswer] of [
    ['still', 'nora', 200],
    ['gone', 'nora', 200],
    ['rotated', 'ines', 200],
    ['refreshed', 'priya', 202],
    ['erased', 'kenji', 202],
  ] as const) {
    await connect(broker, app, user, person);
    expect((await sync(user)).status).toBe(firstAnswer);
  }
  await setPolicy('confirm');
  const held = await connect(broker, app, 'waiting', 'walter');
  await setPolicy('open');
  const snapshot = await takeSnapshot();
  snapshotAt = new Date(broker.now()).toISOString();

  // What happens after the time that the database is set back to.
  broker.advance(1_000);
  const ticket = new URL(held.headers.get('Location') ?? '').searchParams.get('ticket');
  expect((await app.call('POST', '/withings/confirm', { ticket, user_id: 'waiting' })).status).toBe(200);
  await app.call('DELETE', '/withings/disconnect/gone');
  await app.call('DELETE', '/users/erased');
  await broker.manage('DELETE', `/apps/${app.id}/keys/${lostKey.id}`);
  await connect(broker, app, 'late', 'nora');
  for (let rotations = 0; rotations < 2; rotations += 1) {
    broker.advance(3.1 * HOUR_MS);
    expect((await sync('rotated')).status).toBe(200);
  }
  const row = await env.DB.prepare(`SELECT id FROM connections WHERE user_id = 'refreshed'`).first<{ id: number }>();
  expect(
    (await usableAccessToken(await broker.deps(), asConnectionId(row?.id ?? 0), { share: 'sync', isUse: true })).ok,
  ).toBe(true);
  expect([await isConnected('gone'), await isConnected('late'), await weights('erased')]).toEqual([false, true, 0]);

  trail = (await wholeTrail()).filter(({ at }) => at > snapshotAt);
  await restore(snapshot);
});

describe('after a restore', () => {
  test('what was forgotten since is back at once: keys, disconnected and erased people; and who linked since is not', async () => {
    expect((await withLostKey()).status).toBe(200);
    for (const user of ['gone', 'erased']) expect(await isConnected(user)).toBe(true);
    expect(await weights('erased')).toBeGreaterThan(0);
    for (const user of ['late', 'waiting']) expect(await isConnected(user)).toBe(false);
  });

  test('the next ticks condemn those whose tokens are dead and nobody else, and tell the operator', async () => {
    const proofs = () => broker.simulator.state.calls.list().filter(({ action }) => action === 'getnonce').length;
    const before = proofs();
    for (let ticks = 0; ticks < 3; ticks += 1) {
      broker.advance(60_000);
      await broker.tick();
    }
    const { results } = await env.DB.prepare(
      `SELECT user_id || ' ' || state AS user FROM connections ORDER BY user_id`,
    ).all();
    expect(results.map(({ user }) => user)).toEqual([
      'erased reauth_required',
      'gone active',
      'refreshed active',
      'rotated reauth_required',
      'still active',
    ]);
    // Each was believed only after Withings had taken a signature of ours: a wrong client secret ends no connection.
    expect(proofs() - before).toBe(2);
    expect(broker.logs).toContainEqual(expect.objectContaining({ event: 'alarm', outcome: 'reauth_spike' }));
    // The ticket of who was confirmed since has run out, and its tokens are gone.
    expect(await env.DB.prepare('SELECT count(*) AS n FROM pending_connections').first('n')).toBe(0);
  });

  test('syncs go on, find what came since, or say that the person has to consent; the history stays', async () => {
    const nora = broker.simulator.state.people.find('nora');
    if (nora) broker.simulator.state.weighIns.add(nora, { weightKg: 61.5 });
    const before = await weights('still');
    for (const user of ['still', 'refreshed', 'gone']) expect((await sync(user)).status).toBe(200);
    expect(await weights('still')).toBeGreaterThan(before);
    for (const user of ['rotated', 'erased']) {
      const refused = await sync(user);
      expect([refused.status, await refused.json()]).toEqual([
        409,
        expect.objectContaining({ code: 'reauth_required' }),
      ]);
    }
    expect(await weights('rotated')).toBeGreaterThan(0);
  });

  test('the exported trail says what to repeat, and the list of users who the hashes are', async () => {
    const listed = await broker.manage('GET', `/apps/${app.id}/withings/connections`);
    const { data } = await listed.json<{ data: { user_id: string; user_hash: string }[] }>();
    const userOf = (hash: string) => data.find(({ user_hash }) => user_hash === hash)?.user_id;
    const repeated: string[] = [];
    for (const { action, subject } of trail.toReversed()) {
      repeated.push(`${action} ${userOf(subject) ?? subject}`);
      if (action === 'api_key.revoked') await broker.manage('DELETE', `/apps/${app.id}/keys/${subject}`);
      if (action === 'user.disconnected') await app.call('DELETE', `/withings/disconnect/${userOf(subject)}`);
      if (action === 'user.erased') await app.call('DELETE', `/users/${userOf(subject)}`);
    }
    const expected = ['user.disconnected gone', 'user.disconnected erased', 'user.erased erased'];
    expect(repeated.sort()).toEqual([...expected, `api_key.revoked ${lostKey.id}`].sort());
    expect((await withLostKey()).status).toBe(401);
    expect(await isConnected('gone')).toBe(false);
    const { results } = await env.DB.prepare(`SELECT * FROM connections WHERE user_id IN ('gone', 'erased')`).all();
    expect(results).toHaveLength(1);
    expect(results[0]).toMatchObject({ user_id: 'gone', access_token_sealed: null, refresh_token_sealed: null });
    expect([await weights('gone'), await weights('erased')]).toEqual([expect.any(Number), 0]);
    expect(await isConnected('still')).toBe(true);
  });

  test('linking mends what was lost, with its history', async () => {
    const before = await weights('rotated');
    await connect(broker, app, 'rotated', 'ines');
    await connect(broker, app, 'late', 'nora');
    for (const user of ['rotated', 'late']) expect((await sync(user)).status).toBe(200);
    expect(await weights('rotated')).toBeGreaterThanOrEqual(before);
  });
});
