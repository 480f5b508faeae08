import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';

import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { addPerson } from '../support/people.ts';
import { weighNow } from '../support/pushes.ts';

/** What a connection says about how fresh its data is, and how it comes. */

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

let broker: Broker;
let app: TestApp;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker({ bindings: { NOTIFY_APPLI: '1,2,4' } });
  app = await makeApp(broker, 'Womoji', undefined, 'all');
});

const start = async () => {
  const ada = addPerson(broker, 'ada');
  weighNow(broker, ada, 60);
  await connect(broker, app, 'ada', 'ada');
  await broker.settle();
  return ada;
};
const tick = async (ms = MINUTE_MS) => {
  broker.advance(ms);
  await broker.tick();
  await broker.settle();
};
/** The connection, which the list of users describes alike. */
const shown = async () => {
  const detail = await (await app.call('GET', '/withings/connections/ada')).json<Record<string, string | null>>();
  const { data_as_of, delivery, last_push_at } = detail;
  const list = await (await app.call('GET', '/withings/connections')).json<{ data: unknown[] }>();
  expect(list.data).toEqual([expect.objectContaining({ user_id: 'ada', data_as_of, delivery, last_push_at })]);
  return detail;
};

test('a push is shown with its time, and the data as of its sync', async () => {
  const ada = await start();
  expect(await shown()).toMatchObject({ delivery: 'poll', last_push_at: null, history: 'complete' });
  for (let ticks = 0; ticks < 3; ticks += 1) await tick();
  weighNow(broker, ada, 61);
  broker.advance(MINUTE_MS);
  const pushedAt = broker.now();
  await broker.simulator.deliverPushes();
  await broker.settle();
  const connection = await shown();
  expect(connection).toMatchObject({ delivery: 'push', last_push_at: new Date(pushedAt).toISOString() });
  expect(Date.parse(connection['data_as_of'] ?? '')).toBeGreaterThan(pushedAt);
  expect(connection['data_as_of']).toBe(connection['last_sync_at']);
});

test('without a subscription data comes by polls, and without recent data on request', async () => {
  broker.deploy({ NOTIFY_APPLI: '' });
  await start();
  expect(await shown()).toMatchObject({ delivery: 'poll', last_push_at: null });
  for (let days = 0; days < 34; days += 1) await tick(DAY_MS);
  expect(await shown()).toMatchObject({ delivery: 'on_request' });
});

test('data is as of when its news were asked for, while an older part of the history is read', async () => {
  await start();
  await tick();
  const history = { startedAt: broker.now() - 10 * MINUTE_MS, newsAt: broker.now() - 5 * MINUTE_MS };
  await env.DB.prepare('UPDATE connections SET sync_history = ?1, last_sync_at = ?2')
    .bind(JSON.stringify(history), broker.now())
    .run();
  expect(await shown()).toMatchObject({ data_as_of: new Date(history.newsAt).toISOString() });
});

test('a backend finds with a key of scope read who is in a state, and no user of another app', async () => {
  await start();
  await connect(broker, app, 'bob', 'nora');
  await app.call('DELETE', '/withings/disconnect/bob');
  await connect(broker, await makeApp(broker, 'Other'), 'eve', 'nora');
  const made = await broker.manage('POST', `/apps/${app.id}/keys`, { name: 'reads', scopes: ['read'] });
  const { key } = await made.json<{ key: string }>();
  const listed = async (query: string) => {
    const path = `/apps/${app.id}/withings/connections${query}`;
    const { data } = await (
      await broker.request(path, { headers: { 'X-API-Key': key } })
    ).json<{
      data: { user_id: string }[];
    }>();
    return data.map(({ user_id }) => user_id);
  };
  expect(await listed('')).toEqual(['ada', 'bob']);
  expect(await listed('?state=active')).toEqual(['ada']);
  expect(await listed('?state=reauth_required')).toEqual([]);
});

test('of a connection that ended no data comes', async () => {
  await start();
  await app.call('DELETE', '/withings/disconnect/ada');
  expect(await shown()).toMatchObject({ state: 'disconnected', delivery: null });
});
