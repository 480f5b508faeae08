import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { sendRecorded } from '../../src/broker/webhooks/deliver.ts';
import { newEvent } from '../../src/broker/webhooks/record.ts';
import type { AppId } from '../../src/domain/app-id.ts';
import type { ConnectionId } from '../../src/domain/connection-id.ts';
import { eventStatement, rememberEventsToSend } from '../../src/store/webhooks/events.ts';
import { makeApp } from '../support/broker.ts';
import { DAY, HOUR, MINUTE, startWebhookWorld, URL_A, URL_B, type WebhookWorld } from '../support/webhook-world.ts';

/** An endpoint that is down for three days, beside others that are up. */

const URL_C = 'https://c.hooks.example.com/c';
const EVENTS = 5_000;
/** More than one run loads events that were refused. */
const USERS = 250;
/** Of one invocation, such as a tick that stores several pages. */
const RECORDED_AT_ONCE = 25;
/** Of one run over an endpoint: a tick makes one. */
const MOST_A_MINUTE = 15;
/** Two refusals say that a receiver is down. What is new is tried twice. */
const MOST_A_MINUTE_DOWN = 4;

const connectionId = (index: number) => (7_000_000_000 + index) as ConnectionId;

const seedUsers = (appId: AppId, first: number) =>
  env.DB.batch(
    Array.from({ length: USERS }, (_, index) =>
      env.DB.prepare(
        `INSERT INTO connections (id, app_id, user_id, withings_user_id, is_current, state, state_since, scope, created_at,
           token_version, access_expires_at, refreshed_at) VALUES (?1, ?2, ?3, ?3, 1, 'active', 0, '', 0, 1, 0, 0)`,
      ).bind(connectionId(first + index), appId, `user-${first + index}`),
    ),
  );

/** One invocation: it records events of one user after the other, beside a change of their rows, and sends them. */
const record = async ({ broker }: WebhookWorld, appId: AppId, first: number, from: number, count: number) => {
  const deps = await broker.deps();
  const statements = Array.from({ length: count }, (_, index) => {
    const id = connectionId(first + ((from + index) % USERS));
    const change = deps.db.d1.prepare('UPDATE connections SET refreshed_at = refreshed_at + 1 WHERE id = ?1').bind(id);
    const event = newEvent(deps, { appId, type: 'connection.restored', connectionId: id });
    return [change, eventStatement(deps.db, event)];
  });
  rememberEventsToSend(deps.db, await deps.db.d1.batch(statements.flat()));
  await sendRecorded(deps);
};

/** Requests to a URL by minute. */
const perMinute = ({ receivers }: WebhookWorld, url: string, since: number): number[] => {
  const ofUrl = receivers.deliveries.filter((one) => one.url === url && one.at >= since);
  return [...Map.groupBy(ofUrl, ({ at }) => Math.floor(at / MINUTE)).values()].map(({ length }) => length);
};

test('an endpoint down for three days gets all 5,000 events in order, at most 15 a minute, and no other waits for it', async () => {
  const world = await startWebhookWorld();
  const { broker, app, receivers } = world;
  const other = await makeApp(broker, 'Other');
  await world.addWebhook(app, URL_A);
  await world.addWebhook(app, URL_B);
  await world.addWebhook(other, URL_C);
  await seedUsers(app.id, 0);
  await seedUsers(other.id, 1_000);
  let isDown = true;
  receivers.answerWith(({ url }) => new Response(null, { status: url === URL_A && isDown ? 503 : 204 }));

  const begunAt = broker.now();
  const invocations = EVENTS / RECORDED_AT_ONCE;
  for (let index = 0; index < invocations; index += 1) {
    broker.advance(Math.ceil((3 * DAY) / invocations));
    await record(world, app.id, 0, index * RECORDED_AT_ONCE, RECORDED_AT_ONCE);
    if (index % 4 === 0) await record(world, other.id, 1_000, index, 1);
    await broker.tick();
  }
  expect(broker.now() - begunAt).toBeGreaterThanOrEqual(3 * DAY);
  const whileDown = receivers.deliveries.filter(({ url }) => url === URL_A).length;
  expect(Math.max(...perMinute(world, URL_A, begunAt + MINUTE))).toBeLessThanOrEqual(MOST_A_MINUTE_DOWN);
  expect(receivers.eventsAt(URL_B)).toHaveLength(EVENTS);

  isDown = false;
  const upAt = broker.now();
  let minutes = 0;
  // Its next attempt may be half a day away; from then on the cron has work every minute.
  for (; minutes < 900; minutes += 1) {
    const taken = receivers.deliveries.length;
    const isFlowing = receivers.deliveries.some(({ url, at }) => url === URL_A && at > upAt);
    broker.advance(isFlowing ? MINUTE : HOUR);
    // Requests add events to what waits, and must not make it come faster.
    if (minutes < 30) for (let times = 0; times < 4; times += 1) await record(world, app.id, 0, times, 1);
    if (minutes < 30) await record(world, other.id, 1_000, minutes, 1);
    await broker.tick();
    if (isFlowing && receivers.deliveries.length === taken) break;
  }

  const recorded = await env.DB.prepare('SELECT id, app_id, at FROM events').all<{
    id: string;
    app_id: string;
    at: number;
  }>();
  const ofApp = recorded.results.filter((event) => event.app_id === app.id);
  expect(ofApp.length).toBeGreaterThanOrEqual(EVENTS);
  const received = receivers.eventsAt(URL_A).slice(whileDown);
  expect(new Set(received.map(({ id }) => id))).toEqual(new Set(ofApp.map(({ id }) => id)));
  for (const [user, events] of Map.groupBy(received, ({ data }) => data.user_id)) {
    const numbers = [...new Set(events.map(({ data }) => data.sequence))];
    expect(numbers, user).toEqual(numbers.toSorted((left, right) => left - right));
  }
  expect(Math.max(...perMinute(world, URL_A, upAt))).toBeLessThanOrEqual(MOST_A_MINUTE);
  expect(minutes).toBeLessThan(EVENTS / MOST_A_MINUTE + 30);

  const at = new Map(recorded.results.map((event) => [event.id, event.at]));
  const waits = receivers.deliveries
    .filter(({ url }) => url !== URL_A)
    .map(({ at: sentAt, headers }) => sentAt - (at.get(headers.get('webhook-id') ?? '') ?? 0));
  expect(Math.max(...waits)).toBeLessThanOrEqual(MINUTE);
});
