import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, connect, emptyTables, makeApp, ORIGIN, startBroker, type TestApp } from '../support/broker.ts';
import { addPerson } from '../support/people.ts';
import { secretOf, weighNow } from '../support/pushes.ts';

/** What the broker is subscribed to at Withings, and how it stays so. */

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const KEYS = { k1: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE', k2: 'AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI' };

let broker: Broker;
let app: TestApp;
let ada: Person;
/** The actions that were sent to `/notify`, with their times. */
let asked: { action: string; at: number }[];
/** Answers `/notify` instead of Withings. */
let interfere: (action: string, answer: Response) => Response;

beforeEach(async () => {
  await emptyTables();
  asked = [];
  interfere = (_, answer) => answer;
  broker = await startBroker({
    bindings: { NOTIFY_APPLI: '1,2,4', NOTIFY_REQUESTS_PER_MINUTE: '40' },
    fetch: (send) => async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      const answer = await send(input, init);
      if (url.pathname !== '/notify' || !(init?.body instanceof URLSearchParams)) return answer;
      const action = init.body.get('action') ?? '';
      asked.push({ action, at: broker.now() });
      return interfere(action, answer);
    },
  });
  app = await makeApp(broker);
  ada = addPerson(broker, 'ada', 'UTC');
  weighNow(broker, ada, 60);
});

const run = async (minutes: number) => {
  for (let minute = 0; minute < minutes; minute += 1) {
    broker.advance(MINUTE_MS);
    await broker.tick();
    await broker.settle();
  }
};
const atWithings = () => broker.simulator.state.notifications.subscriptions.all();
const applis = () =>
  atWithings()
    .map(({ appli }) => appli)
    .toSorted((one, other) => one - other);
const row = () => env.DB.prepare('SELECT * FROM subscriptions').first<Record<string, number | string | null>>();
const tokenVersion = async () =>
  (await env.DB.prepare('SELECT token_version AS v FROM connections').first<number>('v')) ?? 0;
const urlOf = async (keyId?: string) => `${ORIGIN}/withings/notify/${await secretOf(broker, ada.userid, keyId)}`;
const refused = () => Response.json({ status: 293, body: {}, error: 'callback' });
const alarms = () =>
  broker.logs.filter(({ event }) => event.startsWith('alarm')).map(({ event, outcome }) => `${event} ${outcome}`);

describe('a person who connects', () => {
  beforeEach(async () => {
    await connect(broker, app, 'ada', 'ada');
  });

  test('is subscribed once to each kind of data, listed first, and never two within five seconds', async () => {
    await run(5);
    expect(applis()).toEqual([1, 2, 4]);
    expect(new Set(atWithings().map(({ callbackUrl }) => callbackUrl))).toEqual(new Set([await urlOf()]));
    expect(asked.map(({ action }) => action)).toEqual(['list', 'subscribe', 'subscribe', 'subscribe']);
    const made = asked.filter(({ action }) => action === 'subscribe').map(({ at }) => at);
    expect(made.every((at, index) => index === 0 || at - (made[index - 1] ?? 0) >= 5_000)).toBe(true);
    expect(await row()).toMatchObject({ missing: null, verified_at: expect.any(Number), failures: 0 });
  });

  test('has a weigh-in stored that nobody asked for', async () => {
    await run(4);
    broker.advance(MINUTE_MS);
    weighNow(broker, ada, 61);
    broker.advance(MINUTE_MS);
    await broker.simulator.deliverPushes();
    await broker.settle();
    const latest = await app.call('GET', '/metrics/ada/latest');
    expect(await latest.json()).toMatchObject({ data: { weight: { value: 61 } } });
    expect((await row())?.['last_push_at']).toEqual(expect.any(Number));
  });

  test('by a second app is not subscribed again', async () => {
    await run(4);
    const other = await makeApp(broker, 'Other');
    await connect(broker, other, 'countess', 'ada');
    await run(4);
    expect(applis()).toEqual([1, 2, 4]);
    expect(asked.filter(({ action }) => action === 'subscribe')).toHaveLength(3);
  });

  test('whose subscription was made although its answer was lost is not subscribed twice', async () => {
    interfere = (action, answer) => (action === 'subscribe' ? new Response('lost', { status: 502 }) : answer);
    await run(1);
    expect(applis()).toEqual([1]);
    interfere = (_, answer) => answer;
    await run(30);
    expect(applis()).toEqual([1, 2, 4]);
  });

  test('is left alone for an hour if Withings refuses the callback, and that is one alarm', async () => {
    interfere = (action, answer) => (action === 'subscribe' ? refused() : answer);
    addPerson(broker, 'bob');
    await connect(broker, app, 'bob', 'bob');
    await run(50);
    expect(asked.map(({ action }) => action)).toEqual(['list', 'list', 'subscribe']);
    expect(alarms()).toEqual(['alarm notifications_refused']);
    interfere = (_, answer) => answer;
    await run(30);
    expect(applis()).toEqual([1, 1, 2, 2, 4, 4]);
    expect(alarms()).toEqual(['alarm notifications_refused', 'alarm_over notifications_refused']);
  });

  test('is not woken again and again for a subscription that keeps failing', async () => {
    interfere = () => Response.json({ status: 2554, body: {}, error: 'no' });
    await run(1);
    const versionBefore = await tokenVersion();
    for (let hours = 0; hours < 20 * 24; hours += 3) {
      broker.advance(3 * 60 * MINUTE_MS);
      await broker.tick();
    }
    expect(asked.length).toBeGreaterThan(1);
    // The cron refreshes what was used lately ahead of its expiry; then it waits for weeks.
    expect((await tokenVersion()) - versionBefore).toBeLessThanOrEqual(2);
  });

  test('is looked at after a week, and what Withings has cancelled is subscribed again', async () => {
    await run(5);
    broker.simulator.state.notifications.subscriptions.lose(({ appli }) => appli !== 4);
    await run(5);
    expect(applis()).toEqual([4]);
    broker.advance(7 * DAY_MS);
    // An audit waits for a token that other work refreshes: here a sync.
    await app.call('POST', '/withings/sync/ada');
    await run(5);
    expect(applis()).toEqual([1, 2, 4]);
  });

  test('is subscribed again by itself if the broker was away for a month', async () => {
    await run(5);
    broker.simulator.state.notifications.subscriptions.lose(() => true);
    broker.advance(30 * DAY_MS);
    await run(10);
    expect(applis()).toEqual([1, 2, 4]);
  });

  test('has their subscription revoked when they disconnect', async () => {
    await run(5);
    await app.call('DELETE', '/withings/disconnect/ada');
    await broker.settle();
    expect(applis()).toEqual([]);
    expect(await row()).toBeNull();
  });

  test('keeps it while another app is connected, and loses it with the last', async () => {
    const other = await makeApp(broker, 'Other');
    await connect(broker, other, 'countess', 'ada');
    await run(5);
    await app.call('DELETE', '/withings/disconnect/ada');
    await broker.settle();
    expect(applis()).toEqual([1, 2, 4]);
    await other.call('DELETE', '/withings/disconnect/countess');
    await broker.settle();
    expect(applis()).toEqual([]);
  });

  test('has it revoked when they are erased, and nothing of them stays', async () => {
    await run(5);
    await app.call('DELETE', '/users/ada');
    await broker.settle();
    expect(applis()).toEqual([]);
    expect(await row()).toBeNull();
    expect((await env.DB.prepare('SELECT * FROM waiting_pushes').all()).results).toEqual([]);
  });

  test('moves to the URL of a new key step by step, the new one before the old one goes', async () => {
    await run(5);
    broker.deploy({ KEYRING: JSON.stringify({ current: 'k2', keys: KEYS }) });
    broker.advance(7 * DAY_MS);
    await app.call('POST', '/withings/sync/ada');
    const seen: number[] = [];
    for (let ticks = 0; ticks < 8; ticks += 1) {
      await run(1);
      seen.push(new Set(applis()).size);
    }
    expect(seen).toEqual(Array.from({ length: 8 }, () => 3));
    expect(atWithings()).toHaveLength(3);
    expect(new Set(atWithings().map(({ callbackUrl }) => callbackUrl))).toEqual(new Set([await urlOf('k2')]));
  });
});

test('everybody is subscribed again within minutes if the broker was away for a month, and nobody is asked to consent', async () => {
  broker.deploy({ NOTIFY_REQUESTS_PER_MINUTE: '20' });
  const people = ['ben', 'cem', 'dora', 'eve', 'finn', 'gus', 'hana', 'ida'];
  for (const id of people) {
    weighNow(broker, addPerson(broker, id), 60);
    await connect(broker, app, id, id);
  }
  await run(10);
  expect(applis()).toHaveLength(3 * people.length);
  broker.simulator.state.notifications.subscriptions.lose(() => true);
  const consents = () => broker.simulator.state.calls.list().filter(({ path }) => path.includes('authorize2')).length;
  const [asks, consented] = [asked.length, consents()];
  broker.advance(30 * DAY_MS);
  await run(5);
  expect(applis()).toHaveLength(3 * people.length);
  const since = asked.slice(asks);
  // One list a person, whatever the number of kinds.
  expect(since.filter(({ action }) => action === 'list')).toHaveLength(people.length);
  expect(since).toHaveLength(4 * people.length);
  const inMinuteFrom = (from: number) => since.filter(({ at }) => at >= from && at < from + MINUTE_MS).length;
  expect(Math.max(...since.map(({ at }) => inMinuteFrom(at)))).toBeLessThanOrEqual(20);
  expect(consents()).toBe(consented);
  const { results } = await env.DB.prepare('SELECT DISTINCT state FROM connections').all();
  expect(results).toEqual([{ state: 'active' }]);
});

test('a person without a good token waits for the next refresh or poll, and Withings is not asked', async () => {
  await connect(broker, app, 'ada', 'ada');
  await run(5);
  const turn = broker.now() + 9 * DAY_MS;
  await env.DB.prepare('UPDATE connections SET next_review_at = ?1, next_refresh_at = ?1 + ?2')
    .bind(turn, DAY_MS)
    .run();
  broker.advance(7 * DAY_MS);
  const asks = asked.length;
  await run(2);
  expect(asked).toHaveLength(asks);
  expect(await row()).toMatchObject({ due_at: turn + 2 * MINUTE_MS });
});

test('an empty setting subscribes to nothing', async () => {
  broker.deploy({ NOTIFY_APPLI: '' });
  await connect(broker, app, 'ada', 'ada');
  await run(3);
  expect([asked, await row()]).toEqual([[], null]);
});
