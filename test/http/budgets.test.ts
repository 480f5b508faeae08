import { env } from 'cloudflare:workers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import {
  authPath,
  type Broker,
  connect,
  consent,
  makeApp,
  openLink,
  startBroker,
  type TestApp,
  WOMOJI,
} from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { meterFetch, meterKv } from '../support/meters.ts';
import { removeSeeded, seedConnections } from '../support/seed.ts';

/**
 * What each operation may cost, from D1's own row counts, which are what it bills: the same at a thousand connections
 * as at a hundred thousand.
 */

const d1 = meterD1(env.DB);
const kv = meterKv(env.LINKS);
const sent = meterFetch();
let broker: Broker;
let app: TestApp;

const resetMeters = () => {
  d1.reset();
  kv.reset();
  sent.reset();
};

/** The platform allows 50 on the free plan. */
const MOST_CALLS = 45;

beforeAll(async () => {
  const bindings = { DB: d1.d1, LINKS: kv.kv, CRON_REQUESTS_PER_MINUTE: '120' };
  broker = await startBroker({ bindings, fetch: sent.wrap });
});
afterAll(removeSeeded);

describe.each([
  { connections: 1_000, from: 0 },
  { connections: 100_000, from: 1_000 },
])('at $connections connections', ({ connections, from }) => {
  const user = `ada-${connections}`;

  beforeAll(async () => {
    await seedConnections(from, connections);
    app = await makeApp(broker, `App of ${connections}`);
    await connect(broker, app, user, 'nora');
    // Notes when the key was used, which happens once an hour.
    await app.call('GET', `/withings/status/${user}`);
    await broker.settle();
  });
  beforeEach(async () => {
    await broker.settle();
    resetMeters();
  });

  test('auth is one query of at most 3 rows, and one KV write', async () => {
    const { response } = await openLink(broker, authPath(app, 'newcomer'));
    expect(response.status).toBe(302);
    expect(d1.calls()).toBe(1);
    expect(d1.rowsRead()).toBeLessThanOrEqual(3);
    expect(d1.rowsWritten()).toBe(0);
    expect(kv.operations).toEqual(['put']);
    expect(sent.count()).toBe(0);
  });

  test('auth that is refused reads the app and its allowlist, and writes nothing', async () => {
    const { response } = await openLink(broker, authPath(app, 'newcomer', `${WOMOJI}/`));
    expect(response.status).toBe(400);
    expect(d1.calls()).toBeLessThanOrEqual(2);
    expect(d1.rowsRead()).toBeLessThanOrEqual(8);
    expect([d1.rowsWritten(), kv.operations.length]).toEqual([0, 0]);
  });

  test.each(['first', 'again'])('a callback (%s) is one token request and at most 4 round trips', async () => {
    const { authorizeUrl, cookies } = await openLink(broker, authPath(app, `linked-${connections}`));
    const url = await consent(broker, authorizeUrl, 'nora');
    resetMeters();
    expect((await broker.request(url, { headers: { Cookie: cookies } })).headers.get('Location')).toBe(WOMOJI);
    expect(sent.count()).toBe(1);
    expect(d1.calls()).toBeLessThanOrEqual(4);
    // Two of them say whether the app has webhooks, and whether the connection is new.
    expect(d1.rowsRead()).toBeLessThanOrEqual(22);
    expect(d1.rowsWritten()).toBeLessThanOrEqual(12);
    expect(kv.operations).toEqual(['get']);
  });

  test.each(['known', 'unknown'])('status of a user who is %s is one round trip of at most 4 rows', async (who) => {
    await app.call('GET', `/withings/status/${who === 'known' ? user : 'nobody'}`);
    expect(d1.calls()).toBe(1);
    expect(d1.rowsRead()).toBeLessThanOrEqual(4);
    expect(d1.rowsWritten()).toBe(0);
  });

  test('a page of the list of users is 3 round trips, and 2 rows a user', async () => {
    const seeded = `app_seed${String(from / 100).padStart(8, '0')}`;
    await env.DB.prepare(
      `INSERT INTO subscriptions (withings_user_id, origin, verified_at)
       SELECT withings_user_id, 'https://broker.example', 1 FROM connections WHERE app_id = ?1`,
    )
      .bind(seeded)
      .run();
    resetMeters();
    const page = await broker.manage('GET', `/apps/${seeded}/withings/connections`);
    const { data } = await page.json<{ data: { delivery: string }[] }>();
    expect(data.map(({ delivery }) => delivery)).toEqual(Array.from({ length: 50 }, () => 'push'));
    expect(d1.calls()).toBe(3);
    expect(d1.rowsRead()).toBeLessThanOrEqual(2 * 51 + 2);
    expect(d1.rowsWritten()).toBe(0);
    await env.DB.prepare(`DELETE FROM subscriptions WHERE origin = 'https://broker.example'`).run();
  });

  test('a mistyped key is refused without the database, an unknown one by one look', async () => {
    const status = (key: string) =>
      broker.request(`/apps/${app.id}/withings/status/${user}`, { headers: { 'X-API-Key': key } });
    const mistyped = app.key.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    expect((await status(mistyped)).status).toBe(401);
    expect(d1.calls()).toBe(0);
  });

  test('disconnecting, connected or not, is two round trips that read a handful of rows, and writes but once', async () => {
    await connect(broker, app, 'leaving', 'nora');
    for (const [time, written] of [
      ['first', 8],
      ['again', 0],
    ] as const) {
      resetMeters();
      await app.call('DELETE', '/withings/disconnect/leaving');
      expect(d1.calls(), time).toBeLessThanOrEqual(2);
      expect(d1.rowsRead(), time).toBeLessThanOrEqual(12);
      expect(d1.rowsWritten(), time).toBeLessThanOrEqual(written);
    }
  });

  describe('a sync', () => {
    const nora = () => broker.simulator.state.people.find('nora');
    const weigh = () => {
      const person = nora();
      return person === undefined ? [] : broker.simulator.state.weighIns.add(person, { weightKg: 68.4, fatRatio: 27 });
    };
    const sync = () => app.call('POST', `/withings/sync/${user}`);
    const sizeOf = (groups: { measures: unknown[] }[]) =>
      groups.length + groups.flatMap(({ measures }) => measures).length;

    test('of a weigh-in writes a row a measurement and a group, and 3', async () => {
      await sync();
      broker.advance(60_000);
      const groups = weigh();
      resetMeters();
      expect(await (await sync()).json()).toMatchObject({ changed: 0, complete: true });
      expect(d1.rowsWritten()).toBeLessThanOrEqual(sizeOf(groups) + 3);
      expect(d1.calls()).toBeLessThanOrEqual(6);
      // What is new, and the last days again in search of deletions: both out of one row of the share.
      expect(sent.count()).toBe(2);
    });

    test('of an edit that moves it in time writes at most twice that', async () => {
      broker.advance(60_000);
      const groups = weigh();
      await sync();
      broker.advance(60_000);
      const [group] = groups;
      const person = nora();
      if (person && group) broker.simulator.state.weighIns.edit(person, group.grpid, { date: group.date - 3_600 });
      resetMeters();
      expect(await (await sync()).json()).toMatchObject({ added: 0, removed: 0, complete: true });
      expect(d1.rowsWritten()).toBeLessThanOrEqual(2 * (sizeOf(groups) + 3));
    });

    test('with nothing new writes its own bookkeeping alone', async () => {
      broker.advance(60_000);
      await sync();
      broker.advance(60_000);
      resetMeters();
      expect(await (await sync()).json()).toMatchObject({ added: 0, changed: 0, removed: 0 });
      expect(d1.rowsWritten()).toBe(3);
    });
  });

  test('a tick with nothing due is one round trip, and a row a kind of work', async () => {
    await env.DB.prepare('UPDATE connections SET next_review_at = NULL WHERE next_review_at <= ?1')
      .bind(broker.now() + 120_000)
      .run();
    await broker.tick();
    broker.advance(60_000);
    resetMeters();
    await broker.tick();
    expect(d1.calls()).toBe(1);
    expect(d1.rowsRead()).toBeLessThanOrEqual(KINDS_OF_WORK);
    expect(d1.rowsWritten()).toBe(0);
    expect(sent.count()).toBe(0);
  });

  test('a slice of a sync and a tick full of work each fit one invocation', async () => {
    for (let index = 0; index < 20; index += 1) await connect(broker, app, `due-${index}-${connections}`, 'nora');
    await connect(broker, app, `long-${connections}`, 'walter');
    broker.advance(4 * 3_600_000);
    resetMeters();
    expect((await app.call('POST', `/withings/sync/long-${connections}`)).status).toBe(202);
    expectOneInvocation();

    const fetchesBefore = broker.simulator.state.calls.count();
    const refreshes = () => broker.logs.filter(({ event, outcome }) => event === 'refresh' && outcome === 'refreshed');
    const refreshesBefore = refreshes().length;
    for (let ticks = 0; ticks < 8; ticks += 1) {
      broker.advance(60_000);
      resetMeters();
      await broker.tick();
      expectOneInvocation();
      // What is due is read by its index, what is stored by its key: the seeded rows are not.
      const written = d1.rowsWritten();
      expect(d1.rowsRead()).toBeLessThanOrEqual(3 * written + 200);
    }
    expect(refreshes().length - refreshesBefore).toBeGreaterThanOrEqual(20);
    expect(broker.simulator.state.calls.count() - fetchesBefore).toBeGreaterThan(28);
    await app.call('DELETE', `/withings/disconnect/long-${connections}`);
  });
});

const expectOneInvocation = () => {
  expect(d1.calls()).toBeLessThan(MOST_CALLS);
  expect(sent.count()).toBeLessThan(MOST_CALLS);
};
/**
 * Refreshes in doubt and others, the share they take from, syncs to resume, reviews, pushes, subscriptions, spent
 * states, pending connections, losses, and what the broker remembers of its keyring and its alarms.
 */
const KINDS_OF_WORK = 12;
