import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { connect, emptyTables, makeApp, startBroker } from '../support/broker.ts';
import { addBareGroup, addPerson, asWeight } from '../support/people.ts';

/** The zone of a user's days is the last one that Withings named. */
test.each([
  ['an empty answer', () => []],
  ['an answer of groups', (body: object) => ({ ...body, timezone: undefined })],
])('%s that names no zone leaves that of the user', async (_, without) => {
  await emptyTables();
  let namesZone = true;
  const broker = await startBroker({
    fetch: (send) => async (input, init) => {
      const answer = await send(input, init);
      if (namesZone || !(init?.body instanceof URLSearchParams) || init.body.get('action') !== 'getmeas') return answer;
      const { body, ...rest } = await answer.json<{ body: object }>();
      return Response.json({ ...rest, body: without(body) });
    },
  });
  const app = await makeApp(broker);
  const ada = addPerson(broker, 'ada', 'Asia/Tokyo');
  await connect(broker, app, 'ada', 'ada');
  const sync = async () => {
    broker.advance(20_000);
    expect((await app.call('POST', '/withings/sync/ada')).status).toBe(200);
    return env.DB.prepare('SELECT time_zone FROM connections').first<string>('time_zone');
  };
  expect(await sync()).toBe('Asia/Tokyo');
  namesZone = false;
  addBareGroup(broker, ada, { date: Math.floor(broker.now() / 1000), measures: asWeight(70) });
  expect(await sync()).toBe('Asia/Tokyo');
});
