import { expect, test } from 'vitest';

import { HOUR_MS } from '../../src/domain/time.ts';
import { connect, emptyTables, makeApp, startBroker } from '../support/broker.ts';
import { addBareGroup, addPerson, asWeight, DAY } from '../support/people.ts';
import { push, weighNow, weightsOf } from '../support/pushes.ts';

/** Deletions while only a part of the history is stored. */

test.each([
  { reach: 'none', kept: [], gone: [61] },
  { reach: 'recent', kept: [70.5, 74, 76], gone: [61, 75] },
] as const)('with $reach of the history they are found, and nothing older is added', async ({ reach, kept, gone }) => {
  await emptyTables();
  const broker = await startBroker({ bindings: { NOTIFY_APPLI: '1' } });
  const app = await makeApp(broker, 'Womoji', undefined, reach);
  const ada = addPerson(broker, 'ada', 'UTC');
  const connectedAt = Math.floor(broker.now() / 1000);
  const old = [5, 40, 50, 60, 100, 400].map((days) =>
    addBareGroup(broker, ada, { date: connectedAt - days * DAY, measures: asWeight(70 + days / 10) }),
  );
  broker.simulator.state.weighIns.addHeight(ada, 1.8, connectedAt - 900 * DAY);
  await connect(broker, app, 'ada', 'ada');
  const run = async (hours: number) => {
    await broker.settle();
    for (let step = 0; step < hours; step += 1) {
      broker.advance(HOUR_MS);
      await broker.tick();
    }
  };
  const recent: number[] = [];
  for (const weight of [60, 61, 62]) {
    await run(2);
    recent.push(weighNow(broker, ada, weight).grpid);
    await push(broker, ada);
  }
  await run(2);
  expect(new Set(await weightsOf(app))).toEqual(new Set([60, 62, ...gone, ...kept]));
  ada.groups.remove(recent[1] ?? 0);
  ada.groups.remove(old[2]?.grpid ?? 0);
  const added: number[] = [];
  for (let day = 0; day < 25; day += 1) {
    added.push(64 + day / 100);
    weighNow(broker, ada, 64 + day / 100);
    await push(broker, ada);
    await run(24);
  }
  expect(new Set(await weightsOf(app))).toEqual(new Set([60, 62, ...added, ...kept]));
});
