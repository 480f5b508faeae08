import { expect, test } from 'vitest';

import { connect, emptyTables, makeApp, startBroker } from '../support/broker.ts';
import { addPerson } from '../support/people.ts';

const MINUTE_MS = 60_000;

test('a person who leaves and connects again at once is subscribed, also if the first revocation comes last', async () => {
  await emptyTables();
  const [asked, mayGoOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let isLeaving = false;
  const broker = await startBroker({
    bindings: { NOTIFY_APPLI: '1' },
    fetch: (send) => async (input, init) => {
      if (isLeaving && init?.body instanceof URLSearchParams && init.body.get('action') === 'revoke') {
        asked.resolve();
        await mayGoOn.promise;
      }
      return send(input, init);
    },
  });
  const app = await makeApp(broker);
  addPerson(broker, 'ada');
  const tickFor = async (minutes: number) => {
    for (let minute = 0; minute < minutes; minute += 1) {
      broker.advance(MINUTE_MS);
      await broker.tick();
      await broker.settle();
    }
  };
  const applis = () => broker.simulator.state.notifications.subscriptions.all().map(({ appli }) => appli);
  await connect(broker, app, 'ada', 'ada');
  await tickFor(3);
  expect(applis()).toEqual([1]);
  isLeaving = true;
  const left = app.call('DELETE', '/withings/disconnect/ada');
  await asked.promise;
  await connect(broker, app, 'ada', 'ada');
  broker.advance(5_000);
  await broker.tick();
  mayGoOn.resolve();
  await left;
  await broker.settle();
  expect(applis()).toEqual([]);
  await tickFor(3);
  expect(applis()).toEqual([1]);
});
