import { expect, test } from 'vitest';

import { DAY_MS, HOUR_MS } from '../../src/domain/time.ts';
import { connect, emptyTables, makeApp, startBroker } from '../support/broker.ts';
import { addPerson } from '../support/people.ts';
import { weighNow, weightsOf } from '../support/pushes.ts';

/** People without recent data, while all pushes are lost. */

const STEP_MS = 2 * HOUR_MS;

test.each(['', '1,2,4'])('who have %j subscribed are asked about every 28 to 45 days', async (notifyApplis) => {
  await emptyTables();
  const broker = await startBroker({ bindings: { NOTIFY_APPLI: notifyApplis }, settings: { pushesLost: true } });
  const app = await makeApp(broker, 'Womoji', undefined, 'all');
  const ada = addPerson(broker, 'ada', 'UTC');
  weighNow(broker, ada, 60);
  await connect(broker, app, 'ada', 'ada');
  await broker.settle();
  const polls = () => broker.simulator.state.calls.list().filter(({ action }) => action === 'getmeas').length;
  const step = async () => {
    broker.advance(STEP_MS);
    await broker.tick();
    await broker.settle();
  };
  for (let at = 0; at < 32 * DAY_MS; at += STEP_MS) await step();
  const polledAt: number[] = [];
  for (let at = 0; at < 110 * DAY_MS; at += STEP_MS) {
    const before = polls();
    await step();
    if (polls() > before) polledAt.push(broker.now());
  }
  const between = polledAt.slice(1).map((at, index) => (at - (polledAt[index] ?? 0)) / DAY_MS);
  expect(between.length).toBeGreaterThan(0);
  expect(Math.min(...between)).toBeGreaterThan(27);
  expect(Math.max(...between)).toBeLessThan(46);
  weighNow(broker, ada, 61);
  for (let at = 0; at < 46 * DAY_MS; at += STEP_MS) await step();
  expect(await weightsOf(app)).toEqual([61, 60]);
});
