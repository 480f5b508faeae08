import { beforeEach, describe, expect, test } from 'vitest';

import type { HistoryOnConnect } from '../../src/domain/app.ts';
import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { addBareGroup, addPerson, DAY, asWeight } from '../support/people.ts';
import { push } from '../support/pushes.ts';

/** What is read of a history when a user connects, without a request of the app. */

const MINUTE_MS = 60_000;

let broker: Broker;
let questions: URLSearchParams[];
/** Answers instead of Withings, if it answers. */
let interfere: () => Promise<Response> | undefined;

beforeEach(async () => {
  await emptyTables();
  questions = [];
  interfere = () => undefined;
  broker = await startBroker({
    bindings: { NOTIFY_APPLI: '1' },
    settings: { pageSize: 40 },
    fetch: (send) => async (input, init) => {
      if (init?.body instanceof URLSearchParams && init.body.get('action') === 'getmeas') {
        questions.push(new URLSearchParams(init.body));
        const answer = interfere();
        if (answer !== undefined) return answer;
      }
      return send(input, init);
    },
  });
});

const appThatReads = (history: HistoryOnConnect) => makeApp(broker, 'Womoji', undefined, history);

/** A person with a weigh-in on each of these days back, heavier the longer ago. */
const weighed = (name: string, daysBack: readonly number[]): Person => {
  const person = addPerson(broker, name, 'UTC');
  for (const days of daysBack) weigh(person, days);
  return person;
};

const weigh = (person: Person, days: number): void => {
  const date = Math.floor(broker.now() / 1000) - days * DAY;
  addBareGroup(broker, person, { date, measures: asWeight(kg(days)) });
};

const weights = async (app: TestApp): Promise<number[]> => {
  const answer = await app.call('GET', '/metrics/ada?metric=weight&limit=1000');
  return (await answer.json<{ data: { value: number }[] }>()).data.map(({ value }) => value);
};
const kg = (days: number) => (60_000 + days) / 1000;
const historyOf = async (app: TestApp) =>
  (await app.call('GET', '/withings/connections/ada')).json<{
    history: string;
    history_complete_from: string | null;
  }>();
const sync = async (app: TestApp) => {
  const response = await app.call('POST', '/withings/sync/ada');
  return { status: response.status, ...(await response.json<Record<string, unknown>>()) };
};

describe('a user who connects', () => {
  test('has their weigh-ins stored without a request of the app', async () => {
    const app = await appThatReads('all');
    weighed('ada', [1, 100, 3_000]);
    await connect(broker, app, 'ada', 'ada');
    await broker.settle();
    expect(await weights(app)).toEqual([1, 100, 3_000].map(kg));
    expect(await historyOf(app)).toMatchObject({ history: 'complete', history_complete_from: null });
  });

  test('gets, by a sync that comes while the pull runs, what the pull brings, and Withings is asked once', async () => {
    const app = await appThatReads('all');
    weighed('ada', [1, 100]);
    await connect(broker, app, 'ada', 'ada');
    const synced = await sync(app);
    await broker.settle();
    expect(synced).toMatchObject({ status: 200, added: 2, complete: true });
    const asked = questions.map(String);
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked).toHaveLength(2);
  });

  test('gets the counts of a pull that has just ended', async () => {
    const app = await appThatReads('all');
    weighed('ada', [1, 100]);
    await connect(broker, app, 'ada', 'ada');
    await broker.settle();
    expect(await sync(app)).toMatchObject({ status: 200, added: 2, complete: true });
    expect(questions).toHaveLength(2);
    broker.advance(20_000);
    expect(await sync(app)).toMatchObject({ status: 200, added: 0, complete: true });
    expect(await sync(app)).toMatchObject({ status: 200, added: 0, complete: true });
  });

  test('has the newest 90 days after the first slice of ten years, and all of them by the cron alone', async () => {
    const app = await appThatReads('all');
    const days = Array.from({ length: 520 }, (_, index) => 1 + index * 7);
    const person = weighed('ada', days);
    await connect(broker, app, 'ada', 'ada');
    await broker.settle();
    const first = await weights(app);
    expect(first).toEqual(days.map(kg).slice(0, first.length));
    expect(first.length).toBeGreaterThan(12);
    expect(await historyOf(app)).toMatchObject({ history: 'reading' });
    weigh(person, 0);
    for (let ticks = 0; (await historyOf(app)).history !== 'complete'; ticks += 1) {
      expect(ticks).toBeLessThan(30);
      broker.advance(MINUTE_MS);
      await broker.tick();
    }
    expect(await weights(app)).toEqual([0, ...days].map(kg));
    expect(await sync(app)).toMatchObject({ removed: 0 });
  });

  test('has all of it by the cron if the invocation that connected them was cut off before the pull', async () => {
    const app = await appThatReads('all');
    weighed('ada', [1, 100]);
    interfere = () => Promise.reject(new TypeError('network'));
    await connect(broker, app, 'ada', 'ada');
    await broker.settle();
    expect(await weights(app)).toEqual([]);
    expect(await historyOf(app)).toMatchObject({ history: 'unread' });
    interfere = () => undefined;
    broker.advance(MINUTE_MS);
    await broker.tick();
    expect(await weights(app)).toEqual([1, 100].map(kg));
  });

  test('of an app that confirms links has it once the link is confirmed, and not before', async () => {
    const app = await appThatReads('all');
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'confirm' });
    weighed('ada', [1]);
    const callback = await connect(broker, app, 'ada', 'ada');
    await broker.settle();
    expect(questions).toEqual([]);
    const ticket = new URL(callback.headers.get('Location') ?? '').searchParams.get('ticket');
    await app.call('POST', '/withings/confirm', { ticket, user_id: 'ada' });
    await broker.settle();
    expect(await weights(app)).toEqual([kg(1)]);
  });

  test('again has what was measured since, without a request', async () => {
    const app = await appThatReads('all');
    const person = weighed('ada', [1]);
    await connect(broker, app, 'ada', 'ada');
    await broker.settle();
    await app.call('DELETE', '/withings/disconnect/ada');
    broker.advance(DAY * 1000);
    weigh(person, 0);
    await connect(broker, app, 'ada', 'ada');
    await broker.settle();
    expect((await weights(app)).length).toBe(2);
  });
});

describe('an app that wants', () => {
  test('the recent history gets 90 days of it, stays there, and gets the rest by its sync', async () => {
    const app = await appThatReads('recent');
    weighed('ada', [1, 80, 100, 3_000]);
    await connect(broker, app, 'ada', 'ada');
    await broker.settle();
    expect(await weights(app)).toEqual([1, 80].map(kg));
    const asked = questions.length;
    for (let ticks = 0; ticks < 5; ticks += 1) {
      broker.advance(10 * MINUTE_MS);
      await broker.tick();
    }
    expect(questions).toHaveLength(asked);
    const history = await historyOf(app);
    expect(history.history).toBe('partial');
    expect(Date.parse(history.history_complete_from ?? '')).toBeLessThan(broker.now() - 89 * DAY * 1000);
    expect(await sync(app)).toMatchObject({ status: 200, added: 2, complete: true });
    expect(await weights(app)).toEqual([1, 80, 100, 3_000].map(kg));
    expect(await historyOf(app)).toMatchObject({ history: 'complete' });
  });

  test('the recent history of a person without any gets it once there is one', async () => {
    const app = await appThatReads('recent');
    weighed('ada', [3_000]);
    await connect(broker, app, 'ada', 'ada');
    await broker.settle();
    expect(await weights(app)).toEqual([]);
    expect(await sync(app)).toMatchObject({ status: 200, added: 1, complete: true });
  });

  test.each([
    { past: 'an empty past', daysBack: [] },
    { past: 'ten years', daysBack: [1, 3_000] },
  ])('has what Withings pushes while $past is still being read', async ({ daysBack }) => {
    const app = await appThatReads('all');
    const ada = weighed('ada', daysBack);
    // Read in pieces from now on, so that it takes several slices.
    interfere = () => (questions.length === 1 ? Promise.resolve(new Response('<!doctype html>')) : undefined);
    await connect(broker, app, 'ada', 'ada');
    await broker.settle();
    expect(await historyOf(app)).toMatchObject({ history: 'reading' });
    broker.advance(MINUTE_MS);
    weigh(ada, 0);
    await push(broker, ada);
    await broker.settle();
    expect((await weights(app))[0]).toBe(kg(0));
    for (let ticks = 0; ticks < 8; ticks += 1) {
      broker.advance(MINUTE_MS);
      await broker.tick();
    }
    expect(await historyOf(app)).toMatchObject({ history: 'complete' });
    expect(await weights(app)).toEqual([0, ...daysBack].map(kg));
  });

  test('none of it gets nothing until its sync, which reads all of it', async () => {
    const app = await appThatReads('none');
    weighed('ada', [1, 3_000]);
    await connect(broker, app, 'ada', 'ada');
    await broker.settle();
    broker.advance(10 * MINUTE_MS);
    await broker.tick();
    expect(questions).toEqual([]);
    expect(await historyOf(app)).toMatchObject({ history: 'unread' });
    expect(await sync(app)).toMatchObject({ status: 200, added: 2, complete: true });
    expect(await historyOf(app)).toMatchObject({ history: 'complete' });
  });
});

test('what is read at connect is a setting of the app, which starts as everything', async () => {
  const created = await broker.manage('POST', '/apps', { name: 'Default' });
  const app = await created.json<{ id: string; history_on_connect: string }>();
  expect(app.history_on_connect).toBe('all');
  const changed = await broker.manage('PATCH', `/apps/${app.id}`, { history_on_connect: 'recent' });
  expect(await changed.json()).toMatchObject({ history_on_connect: 'recent' });
  expect((await broker.manage('PATCH', `/apps/${app.id}`, { history_on_connect: 'some' })).status).toBe(400);
});
