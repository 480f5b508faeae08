import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { makeApp } from '../support/broker.ts';
import { rowsWith } from '../support/erasing.ts';
import { DAY, HOUR, MINUTE, startWebhookWorld, URL_A, type WebhookWorld } from '../support/webhook-world.ts';

/** What is left of an erased user in an app's events. */

let world: WebhookWorld;
let path: string;

beforeEach(async () => {
  world = await startWebhookWorld();
  ({ path } = await world.addWebhook(world.app, URL_A));
});

const eraseAda = async () => {
  await world.link('ada-lovelace');
  await world.sync('ada-lovelace');
  expect((await world.app.call('DELETE', '/users/ada-lovelace')).status).toBe(200);
  await world.broker.settle();
  await world.tickAfter(MINUTE);
  expect(world.newest().body).toContain('user.erased');
};

/** Ticks of every hour's clean-up. */
const cleanUpFor = async (hours: number) => {
  world.broker.advance(HOUR - (world.broker.now() % HOUR) + 47 * MINUTE);
  for (let hour = 0; hour < hours; hour += 1) await world.tickAfter(HOUR);
};

test.each(['with its endpoint', 'without any endpoint'])(
  'a week after an erasure no row names the user, in an app %s, and the numbers of events go on',
  async (which) => {
    await eraseAda();
    const last = world.receivers.eventsAt(URL_A).at(-1)?.data.sequence ?? 0;
    if (which === 'without any endpoint') await world.broker.manage('DELETE', path);
    world.broker.advance(7 * DAY);
    await cleanUpFor(2);
    expect(await rowsWith('ada-lovelace')).toEqual([]);
    expect(await (await world.app.call('GET', '/events?after=0')).json()).toMatchObject({ data: [] });
    const { results } = await env.DB.prepare('SELECT seq, user_id, connection_id FROM events').all();
    expect(results).toEqual([{ seq: last, user_id: null, connection_id: null }]);
    if (which === 'without any endpoint') await world.addWebhook(world.app, URL_A);
    await world.link('bea', world.people[1]);
    expect(world.receivers.eventsAt(URL_A).at(-1)?.data).toMatchObject({ user_id: 'bea', sequence: last + 1 });
  },
);

test('the events of 20 apps are swept in 20 ticks, whatever their ids, and cost nothing after that', async () => {
  const apps = [world.app];
  for (let count = 1; count < 20; count += 1) apps.push(await makeApp(world.broker, `App ${count}`));
  await env.DB.batch(
    apps.flatMap(({ id }) =>
      [1, 2].map((seq) =>
        env.DB.prepare(
          `INSERT INTO events (app_id, seq, id, type, user_id, at, detail) VALUES (?1, ?2, ?1 || ?2, 'user.erased', 'u', ?3, '{}')`,
        ).bind(id, seq, world.broker.now()),
      ),
    ),
  );
  world.broker.advance(8 * DAY);
  for (let ticks = 0; ticks < 20; ticks += 1) await world.tickAfter(MINUTE);
  const left = await env.DB.prepare('SELECT count(*) AS n, count(user_id) AS named FROM events').first();
  expect(left).toEqual({ n: 20, named: 0 });
  world.d1.reset();
  await world.tickAfter(MINUTE);
  const ours = world.d1.statements.filter(({ sql }) =>
    /(delete from events|update events|update webhook_endpoints set attempts)/i.test(sql),
  );
  expect(ours.map(({ rowsWritten }) => rowsWritten)).toEqual([0, 0, 0]);
  expect(ours.reduce((sum, { rowsRead }) => sum + rowsRead, 0)).toBeLessThanOrEqual(12 * 20 + 10);
});

describe('a receiver that quotes what it refuses', () => {
  beforeEach(() => {
    world.receivers.answerWith(({ body }) => new Response(`not taken: ${body}`, { status: 422 }));
  });

  test('leaves nothing of it in its attempts when the user is erased', async () => {
    await world.link('ada-lovelace');
    const attempts = async () =>
      (await (await world.broker.manage('GET', `${path}/attempts`)).json<{ data: { answer: string | null }[] }>()).data;
    expect((await attempts())[0]?.answer).toContain('ada-lovelace');
    await world.app.call('DELETE', '/users/ada-lovelace');
    expect(await attempts()).toEqual([
      expect.objectContaining({ type: 'connection.created', status: 422, answer: null }),
      expect.objectContaining({ type: 'connection.created', status: 422, answer: null }),
    ]);
  });

  test('leaves nothing of the erasure itself after two weeks', async () => {
    await world.link('ada-lovelace');
    await world.app.call('DELETE', '/users/ada-lovelace');
    await world.broker.settle();
    await world.tickAfter(MINUTE);
    expect(await rowsWith('not taken')).toHaveLength(1);
    for (let week = 0; week < 2; week += 1) {
      world.broker.advance(7 * DAY);
      await cleanUpFor(2);
    }
    expect(await rowsWith('ada-lovelace')).toEqual([]);
  });
});
