import { env } from 'cloudflare:workers';
import { afterAll, describe, expect, test } from 'vitest';

import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { addPerson } from '../support/people.ts';
import { weighNow } from '../support/pushes.ts';
import { findScans } from '../support/query-plans.ts';
import { removeSeeded, seedConnections } from '../support/seed.ts';

/** What brings data if pushes do not, and what it costs. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const PEOPLE = ['ada', 'ben', 'cem', 'dora'];

const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;

const start = async (bindings: Record<string, string> = {}, pushesLost = true) => {
  await emptyTables();
  broker = await startBroker({ bindings: { DB: d1.d1, ...bindings }, settings: { pushesLost } });
  app = await makeApp(broker, 'Womoji', undefined, 'all');
};

const joined = async (id: string) => {
  const person = addPerson(broker, id);
  weighNow(broker, person, 60);
  await connect(broker, app, id, id);
  await broker.settle();
  return person;
};

/** Ticks as the cron does, in fewer steps, without anybody asking. */
const run = async (forMs: number, stepMs = HOUR_MS, meanwhile: (step: number) => unknown = () => undefined) => {
  for (let step = 0; step * stepMs < forMs; step += 1) {
    await meanwhile(step);
    broker.advance(stepMs);
    await broker.simulator.deliverPushes();
    await broker.tick();
    await broker.settle();
  }
};

const polls = () => broker.simulator.state.calls.list().filter(({ action }) => action === 'getmeas');
const refreshes = () =>
  broker.simulator.state.calls.list().filter(({ params }) => params['grant_type'] === 'refresh_token');
type Turn = { user: string; at: number | null };
const TURNS = 'SELECT user_id AS user, next_review_at AS at FROM connections ORDER BY user_id';
const turns = async () => (await env.DB.prepare(TURNS).all<Turn>()).results;
const setTurn = (user: string, at: number | null) =>
  env.DB.prepare('UPDATE connections SET next_review_at = ?2 WHERE user_id = ?1').bind(user, at).run();

describe.each([
  { what: 'all pushes are lost', notifyApplis: '1,2,4' },
  { what: 'nothing is subscribed', notifyApplis: '' },
])('while $what', ({ notifyApplis }) => {
  test('a weigh-in is stored within a day for whoever had data in the last month', async () => {
    await start({ NOTIFY_APPLI: notifyApplis, PULLS_PER_TICK: '4' });
    const people: Person[] = [];
    for (const id of PEOPLE) people.push(await joined(id));
    let weighIns = PEOPLE.length;
    await run(6 * DAY_MS, HOUR_MS, (step) => {
      for (const [index, person] of people.entries()) {
        // Each at an hour of their own, and one only every other day; none on the last day, which is still to come.
        const isDue = step % 24 === 5 * index + 1 && step < 5 * 24 && (index > 0 || step % 48 < 24);
        if (!isDue) continue;
        weighNow(broker, person, 60 + step / 100);
        weighIns += 1;
      }
    });
    const { results } = await env.DB.prepare('SELECT stored_at - created_seconds * 1000 AS ms FROM groups').all<{
      ms: number;
    }>();
    expect(results).toHaveLength(weighIns);
    expect(Math.max(...results.map(({ ms }) => ms))).toBeLessThanOrEqual(DAY_MS);
    expect(broker.logs.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  });
});

describe('a person', () => {
  test('whose pushes arrive is not polled', async () => {
    await start({ NOTIFY_APPLI: '1,2,4' }, false);
    const ada = await joined('ada');
    await run(HOUR_MS, 10 * MINUTE_MS);
    const before = polls().length;
    await run(5 * DAY_MS, 2 * HOUR_MS, (step) => {
      if (step % 12 === 3) weighNow(broker, ada, 61 + step / 100);
    });
    // What is new and the last 30 days by each push; an older window a day, as before, and what is new ahead of it.
    expect(polls().length - before).toBeLessThanOrEqual(5 * 4);
    const stored = await env.DB.prepare('SELECT count(*) AS n FROM groups').first<number>('n');
    expect(stored).toBe(6);
  });

  test('without data for a month is asked about when their tokens are refreshed anyway, and not before', async () => {
    await start();
    const ada = await joined('ada');
    await run(34 * DAY_MS, DAY_MS);
    expect(await turns()).toEqual([{ user: 'ada', at: null }]);
    weighNow(broker, ada, 61);
    const [asked, refreshed] = [polls().length, refreshes().length];
    for (let days = 0; days < 45 && refreshes().length === refreshed; days += 1) {
      expect(polls()).toHaveLength(asked);
      await run(DAY_MS, DAY_MS);
    }
    await run(2 * MINUTE_MS, MINUTE_MS);
    expect(await env.DB.prepare('SELECT count(*) AS n FROM groups').first<number>('n')).toBe(2);
    expect(refreshes()).toHaveLength(refreshed + 1);
  });

  test('who has nothing measured yet is asked about daily for the first two weeks', async () => {
    await start();
    addPerson(broker, 'ada');
    await connect(broker, app, 'ada', 'ada');
    await broker.settle();
    await run(DAY_MS);
    const person = broker.simulator.state.people.find('ada');
    if (person) weighNow(broker, person, 60);
    await run(DAY_MS);
    expect(await env.DB.prepare('SELECT count(*) AS n FROM groups').first<number>('n')).toBe(1);
  });

  test('whose connection ended, or whose app is disabled, is left alone', async () => {
    await start();
    await joined('ada');
    await joined('ben');
    await app.call('DELETE', '/withings/disconnect/ben');
    await env.DB.prepare('UPDATE apps SET disabled_at = 1').run();
    const before = polls().length;
    await run(3 * DAY_MS);
    expect(polls().length).toBe(before);
    expect((await turns()).map(({ at }) => at)).toEqual([null, null]);
  });
});

describe('a tick', () => {
  test('takes those first that wait longest, as many as the setting says', async () => {
    await start({ PULLS_PER_TICK: '2' });
    for (const id of PEOPLE) await joined(id);
    broker.advance(2 * DAY_MS);
    const now = broker.now();
    for (const [index, id] of PEOPLE.entries()) await setTurn(id, now - ([3, 1, 4, 2][index] ?? 0) * HOUR_MS);
    const before = polls().length;
    await broker.tick();
    const waiting = (await turns()).filter(({ at }) => at !== null && at <= now).map(({ user }) => user);
    expect(waiting).toEqual(['ben', 'dora']);
    // One each, and one older window.
    expect(polls()).toHaveLength(before + 3);
  });

  test('leaves a third of what syncs may take at once to pushes and apps', async () => {
    await start({ SYNC_REQUESTS_PER_MINUTE: '12' });
    const { withings } = await broker.deps();
    const polled = { share: 'sync', yields: true } as const;
    // Three at once.
    expect((await withings.reserve(polled, 2)).ok).toBe(true);
    expect(await withings.reserve(polled, 1)).toMatchObject({ failure: { kind: 'over_share', retryAfterSeconds: 7 } });
    expect((await withings.reserve({ share: 'sync' }, 1)).ok).toBe(true);
  });

  test('leaves the turns as they are for which the share has no request', async () => {
    await start({ PULLS_PER_TICK: '4' });
    for (const id of PEOPLE) await joined(id);
    await run(10 * MINUTE_MS, MINUTE_MS);
    broker.advance(2 * DAY_MS);
    const now = broker.now();
    for (const [index, id] of PEOPLE.entries()) await setTurn(id, now - (4 - index) * HOUR_MS);
    // Longer than a tick waits.
    await env.DB.prepare(`INSERT OR REPLACE INTO request_budgets (name, empty_at) VALUES ('sync', ?1)`)
      .bind(now + 10 * MINUTE_MS)
      .run();
    await broker.tick();
    // The first has its window, from a share of its own.
    const waiting = (await turns()).filter(({ at }) => at !== null && at <= now);
    expect(waiting.map(({ user, at }) => [user, now - (at ?? 0)])).toEqual([
      ['ben', 3 * HOUR_MS],
      ['cem', 2 * HOUR_MS],
      ['dora', HOUR_MS],
    ]);
  });

  test('puts one that fails off for an hour, and goes on with the next', async () => {
    await start({ PULLS_PER_TICK: '2' });
    await joined('ada');
    await joined('ben');
    broker.advance(2 * DAY_MS);
    await setTurn('ada', 1);
    await setTurn('ben', 2);
    broker.simulator.state.faults.add({ action: 'getmeas', kind: 'http_503', times: 1 });
    const now = broker.now();
    await broker.tick();
    const [ada, ben] = await turns();
    expect(ada?.at).toBeGreaterThanOrEqual(now + HOUR_MS);
    expect(ada?.at).toBeLessThan(now + 2 * HOUR_MS);
    expect(ben?.at).toBeGreaterThan(now + 22 * HOUR_MS);
  });

  test('gives those that were synced since their next turn, without a request', async () => {
    await start({ SYNC_REQUESTS_PER_MINUTE: '60' });
    for (const id of PEOPLE) await joined(id);
    broker.advance(2 * DAY_MS);
    for (const id of PEOPLE) await app.call('POST', `/withings/sync/${id}`);
    for (const id of PEOPLE) await setTurn(id, 1);
    const before = polls().length;
    await broker.tick();
    // One of them has its older window reviewed.
    expect(polls().length - before).toBe(2);
    expect((await turns()).every(({ at }) => (at ?? 0) > broker.now() + 22 * HOUR_MS)).toBe(true);
  });
});

describe('what it costs', () => {
  afterAll(removeSeeded);

  /** The rows that a tick with one connection to pull reads and writes. */
  const costOfPull = async () => {
    broker.advance(2 * DAY_MS);
    // What is noted of a connection grows for a while.
    await env.DB.prepare(
      `UPDATE connections SET next_refresh_at = ?1, next_review_at = NULL, activity = '{}', timeline = '[]'`,
    )
      .bind(8e15)
      .run();
    await setTurn('ada', broker.now());
    d1.reset();
    await broker.tick();
    return { read: d1.rowsRead(), written: d1.rowsWritten() };
  };

  test('grows with what is due and not with the number of connections, and reads no table from end to end', async () => {
    await start();
    await joined('ada');
    // The tick's hourly note comes with the first.
    await costOfPull();
    const few = await costOfPull();
    await seedConnections(0, 3_000);
    const many = await costOfPull();
    expect(many.read).toBeLessThanOrEqual(few.read);
    expect(many.written).toBe(few.written);
    // A refresh; the sync's lease, share and end; its turn; and the turn after a window.
    expect(many.written).toBeLessThanOrEqual(5 + 3 + 2 + 2);
    expect(await findScans()).toEqual([]);
  });
});
