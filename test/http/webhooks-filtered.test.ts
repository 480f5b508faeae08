import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';

import type { Deps } from '../../src/broker/deps.ts';
import { sendRecorded } from '../../src/broker/webhooks/deliver.ts';
import { newEvent } from '../../src/broker/webhooks/record.ts';
import { asUserId } from '../../src/domain/user-id.ts';
import type { EventType } from '../../src/domain/webhooks/event.ts';
import { addEvent } from '../../src/store/webhooks/events.ts';
import { MINUTE, startWebhookWorld, URL_A, URL_B, type WebhookWorld } from '../support/webhook-world.ts';

/** An endpoint that gets few of an app's events, beside one that gets all. */

const EVENTS = 100;

let world: WebhookWorld;
let filtered: string;

beforeEach(async () => {
  world = await startWebhookWorld();
  await world.addWebhook(world.app, URL_A);
  ({ id: filtered } = await world.addWebhook(world.app, URL_B, { events: ['connection.disconnected'] }));
});

const eventOf = (deps: Deps, type: EventType) => newEvent(deps, { appId: world.app.id, type, userId: asUserId('ada') });

/** Invocations that each record an event and send it. The cron does not help. */
const record = async (type: EventType, count = 1) => {
  for (let made = 0; made < count; made += 1) {
    world.broker.advance(2_000);
    const deps = await world.broker.deps();
    await addEvent(deps.db, eventOf(deps, type));
    await sendRecorded(deps);
  }
};

test('an endpoint gets each event at once while another’s filter leaves all of them out', async () => {
  world.d1.reset();
  await record('connection.restored', EVENTS);
  expect(world.typesAt(URL_A)).toHaveLength(EVENTS);
  // One row to record each, one to deliver it, and one for each list that holds nothing for the other.
  expect(world.d1.rowsWritten()).toBeLessThanOrEqual(2 * EVENTS + EVENTS / 25);
});

test('an event that the filter lets through is sent at once after many that it does not', async () => {
  await record('connection.restored', EVENTS);
  await record('connection.disconnected');
  expect(world.typesAt(URL_B)).toEqual(['connection.disconnected']);
});

test('events that the filter leaves out cost the cron nothing', async () => {
  await world.tickAfter(MINUTE);
  await record('connection.restored', 24);
  world.d1.reset();
  await world.tickAfter(MINUTE);
  expect(world.d1.rowsWritten()).toBe(0);
});

test.each([
  ['that its filter lets through', '["connection.restored"]'],
  ['without a readable filter', 'of another version'],
])('an endpoint gets what a killed invocation recorded by the cron, %s', async (_, filter) => {
  await env.DB.prepare('UPDATE webhook_endpoints SET event_types = ?').bind(filter).run();
  const deps = await world.broker.deps();
  await addEvent(deps.db, eventOf(deps, 'connection.restored'));
  await world.tickAfter(MINUTE);
  expect(world.typesAt(URL_B)).toEqual(['connection.restored']);
});

test('an endpoint gets each event at once while another is thousands of events behind', async () => {
  await env.DB.prepare(
    `INSERT INTO events (app_id, seq, id, type, user_id, at, detail)
     WITH RECURSIVE n (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < 5000)
     SELECT ?1, seq, 'evt_' || seq, 'connection.restored', 'ada', ?2, '{}' FROM n`,
  )
    .bind(world.app.id, world.broker.now())
    .run();
  await env.DB.prepare('UPDATE webhook_endpoints SET delivered_seq = 5000 WHERE id <> ?').bind(filtered).run();
  await record('connection.restored', 5);
  expect(world.typesAt(URL_A)).toHaveLength(5);
});
