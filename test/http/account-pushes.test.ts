import { beforeEach, expect, test } from 'vitest';

import { MINUTE_MS } from '../../src/domain/time.ts';
import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, type TestApp } from '../support/broker.ts';
import { push, startWithAda, waitingPushes, weighNow, weightsOf } from '../support/pushes.ts';

/** Withings' pushes about the account (`appli` 46: unlinked, deleted, updated). */

let broker: Broker;
let app: TestApp;
let ada: Person;

beforeEach(async () => {
  ({ broker, app, ada } = await startWithAda());
});

const refreshes = () =>
  broker.logs.filter(({ event, outcome }) => event === 'refresh' && outcome === 'refreshed').length;

test('a push about the account ends nothing while Withings takes the tokens', async () => {
  const state = async () => (await app.call('GET', '/withings/status/ada')).json();
  await push(broker, ada, 46);
  await broker.settle();
  expect(await state()).toEqual({ connected: true });
  expect(refreshes()).toBe(1);
  expect(await waitingPushes()).toEqual([]);
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
  expect(await weightsOf(app)).toEqual([61, 60]);
  expect(await waitingPushes()).toEqual([]);
});

test('a push about the account ends the connection once Withings rejects the tokens', async () => {
  broker.simulator.state.grants.withdraw(ada.userid);
  broker.advance(MINUTE_MS);
  await push(broker, ada, 46);
  await broker.settle();
  expect(await (await app.call('GET', '/withings/status/ada')).json()).toEqual({ connected: false });
  expect(await waitingPushes()).toEqual([]);
});
