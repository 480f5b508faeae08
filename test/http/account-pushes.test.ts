import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';

import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { addPerson } from '../support/people.ts';
import { push, weighNow } from '../support/pushes.ts';

/** Withings' pushes about the account (`appli` 46: unlinked, deleted, updated). */

const MINUTE_MS = 60_000;
let broker: Broker;
let app: TestApp;
let ada: Person;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker({ bindings: { NOTIFY_APPLI: '1,2,4' } });
  app = await makeApp(broker, 'Womoji', undefined, 'all');
  ada = addPerson(broker, 'ada', 'UTC');
  weighNow(broker, ada, 60);
  broker.advance(MINUTE_MS);
  await connect(broker, app, 'ada', 'ada');
  await broker.settle();
  await env.DB.prepare('DELETE FROM subscriptions').run();
  broker.advance(MINUTE_MS);
});

const refreshes = () =>
  broker.logs.filter(({ event, outcome }) => event === 'refresh' && outcome === 'refreshed').length;
const waiting = async () => (await env.DB.prepare('SELECT * FROM waiting_pushes').all()).results;
const weights = async () => {
  const answer = await app.call('GET', '/metrics/ada?metric=weight');
  return (await answer.json<{ data: { value: number }[] }>()).data.map(({ value }) => value);
};

test('a push about the account ends nothing while Withings takes the tokens', async () => {
  const state = async () => (await app.call('GET', '/withings/status/ada')).json();
  await push(broker, ada, 46);
  await broker.settle();
  expect(await state()).toEqual({ connected: true });
  expect(refreshes()).toBe(1);
  expect(await waiting()).toEqual([]);
});

test.each([
  [46, 1],
  [1, 46],
])('a push of the kind %i and one of the kind %i right after it both have their effect', async (first, second) => {
  weighNow(broker, ada, 61);
  await push(broker, ada, first);
  await push(broker, ada, second);
  await broker.settle();
  expect(refreshes()).toBe(1);
  expect(await weights()).toEqual([61, 60]);
  expect(await waiting()).toEqual([]);
});

test('a push about the account ends the connection once Withings rejects the tokens', async () => {
  broker.simulator.state.grants.withdraw(ada.userid);
  broker.advance(MINUTE_MS);
  await push(broker, ada, 46);
  await broker.settle();
  expect(await (await app.call('GET', '/withings/status/ada')).json()).toEqual({ connected: false });
  expect(await waiting()).toEqual([]);
});
