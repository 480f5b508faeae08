import { beforeEach, expect, test } from 'vitest';

import { MINUTE_MS } from '../../src/domain/time.ts';
import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, connect, makeApp, type TestApp } from '../support/broker.ts';
import { push, startWithAda, waitingPushes, weighNow, weightsOf } from '../support/pushes.ts';

/** Pushes about a person whose account two apps use. */

let broker: Broker;
let app: TestApp;
let ada: Person;

beforeEach(async () => {
  ({ broker, app, ada } = await startWithAda());
});

/** A second app, whose user has Ada's account. */
const connectOther = async (historyOnConnect: 'all' | 'none'): Promise<TestApp> => {
  const other = await makeApp(broker, 'Other', undefined, historyOnConnect);
  await connect(broker, other, 'countess', 'ada');
  await broker.settle();
  broker.advance(MINUTE_MS);
  return other;
};
const syncsDone = () => broker.logs.filter(({ event }) => event === 'sync').length;

test('a push has the connections of every app synced that the person uses', async () => {
  const other = await connectOther('all');
  weighNow(broker, ada, 61);
  await push(broker, ada);
  await broker.settle();
  expect(await weightsOf(app)).toEqual([61, 60]);
  expect(await weightsOf(other, 'countess')).toEqual([61, 60]);
});

test('a push of which one connection failed is repeated for that one alone, and a push behind it for both', async () => {
  const other = await connectOther('all');
  weighNow(broker, ada, 61);
  broker.simulator.state.faults.add({ kind: 'http_503', action: 'getmeas', times: 1 });
  await push(broker, ada);
  await broker.settle();
  expect(await waitingPushes()).toHaveLength(1);
  const before = syncsDone();
  broker.advance(MINUTE_MS);
  await broker.tick();
  expect(syncsDone() - before).toBe(1);
  expect(await weightsOf(app)).toEqual([61, 60]);
  expect(await weightsOf(other, 'countess')).toEqual([61, 60]);
  expect(await waitingPushes()).toEqual([]);
  for (const weight of [62, 63]) {
    weighNow(broker, ada, weight);
    if (weight === 62) broker.simulator.state.faults.add({ kind: 'http_503', action: 'getmeas', times: 1 });
    await push(broker, ada);
    await broker.settle();
    broker.advance(weight === 62 ? 1_000 : MINUTE_MS);
  }
  await broker.tick();
  expect(await weightsOf(app)).toEqual([63, 62, 61, 60]);
  expect(await weightsOf(other, 'countess')).toEqual([63, 62, 61, 60]);
});

test('a push brings only what is new to an app that wants nothing of the past', async () => {
  const other = await connectOther('none');
  weighNow(broker, ada, 61);
  await push(broker, ada);
  await broker.settle();
  expect(await weightsOf(other, 'countess')).toEqual([61]);
  const synced = await other.call('POST', '/withings/sync/countess');
  expect(await synced.json()).toMatchObject({ added: 1, complete: true });
  expect(await weightsOf(other, 'countess')).toEqual([61, 60]);
});
