import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { connect, emptyTables, makeApp, startBroker } from '../support/broker.ts';
import { addPerson } from '../support/people.ts';

/** An erasure forgets whom Withings notifies the broker about, whatever state the user's connections are in. */

const start = async () => {
  await emptyTables();
  const broker = await startBroker({ bindings: { NOTIFY_APPLI: '1' } });
  const app = await makeApp(broker);
  const people = [addPerson(broker, 'ada'), addPerson(broker, 'eve')] as const;
  await connect(broker, app, 'ada', people[0].id);
  return { broker, app, people };
};
type World = Awaited<ReturnType<typeof start>>;

const endTokens = async ({ broker, app, people: [ada] }: World) => {
  broker.simulator.state.grants.withdraw(ada.userid);
  broker.advance(4 * 3600_000);
  expect((await app.call('POST', '/withings/sync/ada')).status).toBe(409);
};

const linkAnother = async ({ broker, app, people: [, eve] }: World) => {
  await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'confirm' });
  const callback = await connect(broker, app, 'ada', eve.id);
  const ticket = new URL(callback.headers.get('Location') ?? '').searchParams.get('ticket');
  expect((await app.call('POST', '/withings/confirm', { ticket, user_id: 'ada' })).status).toBe(200);
};

const subscribed = async () =>
  (await env.DB.prepare('SELECT withings_user_id AS id FROM subscriptions').all<{ id: string }>()).results;

test.each([
  ['has to consent again', endTokens],
  ['has linked another account', linkAnother],
])('a user who %s is erased with their subscriptions', async (_, change) => {
  const world = await start();
  await change(world);
  expect(await subscribed()).toContainEqual({ id: String(world.people[0].userid) });
  await world.app.call('DELETE', '/users/ada');
  await world.broker.settle();
  expect(await subscribed()).toEqual([]);
});

test('the subscription of an account that another user is connected to stays', async () => {
  const { broker, app, people } = await start();
  await connect(broker, app, 'bob', people[0].id);
  await app.call('DELETE', '/users/ada');
  await broker.settle();
  expect(await subscribed()).toEqual([{ id: String(people[0].userid) }]);
});
