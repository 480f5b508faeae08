import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { parseKeyring } from '../../src/crypto/keyring.ts';
import { open } from '../../src/crypto/seal.ts';
import { replaceSealed, sealedTokensAfter } from '../../src/store/tokens/reseal.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';

const HOUR_MS = 3_600_000;
const keys = {
  k1: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE',
  k2: 'AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI',
};
const ring = (current: keyof typeof keys, ...ids: (keyof typeof keys)[]): string =>
  JSON.stringify({ current, keys: Object.fromEntries(ids.map((id) => [id, keys[id]])) });

type Report = {
  missing_key_ids: string[];
  settled: boolean;
  walk: object | null;
  last_walk: { connections_by_key: Record<string, number>; resealed: number; broken: number } | null;
};

let broker: Broker;
let app: TestApp;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker({ bindings: { KEYRING: ring('k1', 'k1') } });
  app = await makeApp(broker);
});

/** A deployment with another keyring: new isolates read it, and nothing else changes. */
const deploy = (keyring: string): void => {
  broker.deploy({ KEYRING: keyring });
};
const report = async (): Promise<Report> => (await broker.manage('GET', '/operator/keyring')).json<Report>();
/** All users are one person at Withings, who may not be asked about twice in a moment. */
const sync = async (userId: string): Promise<number> => {
  broker.advance(61_000);
  return (await app.call('POST', `/withings/sync/${userId}`)).status;
};
const linkAll = async (count: number): Promise<string[]> => {
  const [person] = [...broker.simulator.state.people.list()];
  const users = Array.from({ length: count }, (_, index) => `user-${index}`);
  for (const user of users) await connect(broker, app, user, person?.id ?? '');
  return users;
};
const sealedBy = async (): Promise<string[]> => {
  const { results } = await env.DB.prepare(
    `SELECT access_token_sealed AS a, refresh_token_sealed AS r FROM connections WHERE access_token_sealed IS NOT NULL`,
  ).all<{ a: string; r: string }>();
  return results.flatMap(({ a, r }) => [a, r]).map((blob) => JSON.parse(atob(blob.split('.')[0] ?? '')).kid);
};

test('a ring of one key has nothing to settle', async () => {
  await linkAll(1);
  await broker.tick();
  expect(await report()).toMatchObject({ settled: true, missing_key_ids: [], last_walk: null });
  deploy(ring('k2', 'k2'));
  expect(await report()).toMatchObject({ settled: false, missing_key_ids: ['k1'] });
});

describe('a ring that lacks a key', () => {
  test('pauses refreshes and syncs, condemns nobody, and is named to the operator and in the log', async () => {
    const [user = ''] = await linkAll(1);
    deploy(ring('k2', 'k2'));
    expect(await sync(user)).toBe(503);
    broker.advance(4 * HOUR_MS);
    await broker.tick();
    expect((await report()).missing_key_ids).toEqual(['k1']);
    expect(broker.logs).toContainEqual(expect.objectContaining({ event: 'alarm', outcome: 'sealing_key_missing' }));
    expect(await (await app.call('GET', `/withings/status/${user}`)).json()).toEqual({ connected: true });

    deploy(ring('k2', 'k1', 'k2'));
    expect((await report()).missing_key_ids).toEqual([]);
    expect(await sync(user)).toBe(200);
  });

  test('dropping a key that is still needed is named at every tick, and nothing is lost when it is back', async () => {
    const users = await linkAll(2);
    deploy(ring('k1', 'k1', 'k2'));
    await broker.tick();
    deploy(ring('k2', 'k2'));
    broker.logs.length = 0;
    await broker.tick();
    expect(broker.logs).toContainEqual(expect.objectContaining({ outcome: 'sealing_key_missing', reason: 'k1' }));
    deploy(ring('k2', 'k1', 'k2'));
    await broker.tick();
    expect(new Set(await sealedBy())).toEqual(new Set(['k2']));
    for (const user of users) expect(await sync(user)).toBe(200);
  });
});

describe('a blob that fails under its own key', () => {
  test('condemns its one connection with the reason, and is never a 500', async () => {
    const [broken = '', sound = ''] = await linkAll(2);
    await env.DB.prepare(
      `UPDATE connections SET access_token_sealed = (SELECT access_token_sealed FROM connections WHERE user_id = ?1),
         refresh_token_sealed = (SELECT refresh_token_sealed FROM connections WHERE user_id = ?1) WHERE user_id = ?2`,
    )
      .bind(sound, broken)
      .run();
    deploy(ring('k2', 'k1', 'k2'));
    await broker.tick();
    const shown = await app.call('GET', `/withings/connections/${broken}`);
    expect(await shown.json()).toMatchObject({ state: 'reauth_required', state_reason: 'seal_broken' });
    expect(await sync(broken)).toBe(409);
    expect(await sync(sound)).toBe(200);
    expect((await report()).last_walk).toMatchObject({ broken: 1, resealed: 1 });
  });

  test('found by a sync, it ends the same way', async () => {
    const [user = ''] = await linkAll(1);
    await env.DB.prepare(`UPDATE connections SET access_token_sealed = refresh_token_sealed`).run();
    const answer = await app.call('POST', `/withings/sync/${user}`);
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ code: 'reauth_required' });
  });
});

describe('rotating the key online', () => {
  test('goes through all four stages with refreshes and syncs running, and nothing is lost', async () => {
    const users = await linkAll(33);
    const everyoneWorks = async () => {
      for (const user of users.slice(0, 3)) expect(await sync(user)).toBe(200);
    };

    // 1. The new key is there, and only opens.
    deploy(ring('k1', 'k1', 'k2'));
    await broker.tick();
    expect(new Set(await sealedBy())).toEqual(new Set(['k1']));
    await everyoneWorks();

    // 2. It is promoted, and the cron seals again while access tokens run out and users sync.
    deploy(ring('k2', 'k1', 'k2'));
    broker.advance(2.9 * HOUR_MS);
    await Promise.all([broker.tick(), sync('user-0'), sync('user-1'), broker.tick()]);
    await everyoneWorks();
    expect((await report()).settled).toBe(false);
    for (let ticks = 0; (await report()).last_walk === null || (await report()).walk !== null; ticks += 1) {
      expect(ticks).toBeLessThan(10);
      await broker.tick();
    }
    expect(new Set(await sealedBy())).toEqual(new Set(['k2']));
    expect((await report()).settled).toBe(false);

    // 3. Only a later walk, which finds nothing to do, says that the old key may go.
    for (let ticks = 0; !(await report()).settled; ticks += 1) {
      expect(ticks).toBeLessThan(12);
      broker.advance(HOUR_MS / 2);
      await broker.tick();
    }
    expect((await report()).last_walk).toMatchObject({ connections_by_key: { k2: users.length }, resealed: 0 });

    // 4. It goes.
    deploy(ring('k2', 'k2'));
    await broker.tick();
    expect((await report()).missing_key_ids).toEqual([]);
    broker.advance(4 * HOUR_MS);
    for (const user of users) expect(await sync(user), user).toBe(200);
  });

  test('a refresh that is stored while its connection is sealed anew wins, and the other way round loses nothing', async () => {
    const [user = ''] = await linkAll(1);
    deploy(ring('k2', 'k1', 'k2'));
    for (let round = 0; round < 5; round += 1) {
      broker.advance(3 * HOUR_MS);
      const [status] = await Promise.all([
        sync(user),
        broker.manage('POST', '/operator/keyring/reseal'),
        broker.manage('POST', '/operator/keyring/reseal'),
      ]);
      expect(status).toBe(200);
    }
    const row = await env.DB.prepare('SELECT id, app_id, refresh_token_sealed AS r FROM connections').first<{
      id: number;
      app_id: string;
      r: string;
    }>();
    const parsed = parseKeyring(ring('k2', 'k1', 'k2'));
    if (!parsed.ok || row === null) throw new Error('no ring, or no connection');
    const opened = await open(parsed.value, 'seal-token', [row.app_id, String(row.id), 'refresh_token'], row.r);
    const newest = broker.simulator.state.grants
      .all()
      .flatMap(({ pairs }) => pairs)
      .at(-1);
    expect(opened).toEqual({ ok: true, value: newest?.refreshToken });
  });

  test.each([
    ['a refresh', async (user: string) => expect(await sync(user)).toBe(200)],
    ['a disconnect', (user: string) => app.call('DELETE', `/withings/disconnect/${user}`)],
    ['another sealing', () => broker.manage('POST', '/operator/keyring/reseal')],
  ])('what was read before %s is not written after it', async (_name, meanwhile) => {
    const [user = ''] = await linkAll(1);
    deploy(ring('k2', 'k1', 'k2'));
    const { db } = await broker.deps();
    const read = await sealedTokensAfter(db, -1, 10);
    const [before] = read.ok ? read.value : [];
    if (before === undefined) throw new Error('nothing sealed');
    broker.advance(3 * HOUR_MS);
    await meanwhile(user);
    const stored = await env.DB.prepare('SELECT * FROM connections').all();
    const replaced = await replaceSealed(db, [{ before, after: { ...before, refreshTokenSealed: 'stale' } }]);
    expect(replaced).toEqual({ ok: true, value: 0 });
    expect((await env.DB.prepare('SELECT * FROM connections').all()).results).toEqual(stored.results);
  });

  test('only the operator sees the ring, and never a key', async () => {
    for (const headers of [{}, { Authorization: `Bearer ${app.key}` }] as Record<string, string>[]) {
      expect((await broker.request('/operator/keyring', { headers })).status).toBe(401);
      expect((await broker.request('/operator/keyring/reseal', { method: 'POST', headers })).status).toBe(401);
    }
    expect(JSON.stringify(await report())).not.toContain(keys.k1);
  });
});

test('a webhook’s secret is sealed again too, so that no event is lost when the old key is dropped', async () => {
  const created = await broker.manage('POST', `/apps/${app.id}/webhooks`, { url: 'https://hooks.example.com/a' });
  const { id } = await created.json<{ id: string }>();
  const endpoint = `/apps/${app.id}/webhooks/${id}`;
  const keyOf = async (): Promise<string> => {
    const sealed = await env.DB.prepare('SELECT secret_sealed FROM webhook_endpoints').first<string>('secret_sealed');
    return JSON.parse(atob(sealed?.split('.')[0] ?? '')).kid;
  };
  expect(await keyOf()).toBe('k1');
  deploy(ring('k2', 'k1', 'k2'));
  await broker.tick();
  expect(await keyOf()).toBe('k2');
  expect((await report()).settled).toBe(false);
  broker.advance(2 * HOUR_MS);
  await broker.tick();
  expect(await report()).toMatchObject({ settled: true, last_walk: { connections_by_key: { k2: 1 }, resealed: 0 } });
  deploy(ring('k2', 'k2'));
  await broker.manage('POST', `${endpoint}/test`);
  await broker.settle();
  const { data } = await (await broker.manage('GET', `${endpoint}/attempts`)).json<{ data: unknown[] }>();
  expect(data).toHaveLength(1);
});
