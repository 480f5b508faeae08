import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { connect, makeApp } from '../support/broker.ts';
import { HOUR, MINUTE, startWebhookWorld, URL_A, URL_B, type WebhookWorld } from '../support/webhook-world.ts';

/** A tick sends to two endpoints. Two that cannot be sent to must not keep the endpoints of other apps waiting. */

const URL_C = 'https://c.hooks.example.com/c';

let world: WebhookWorld;
let first: Awaited<ReturnType<WebhookWorld['addWebhook']>>;
let second: typeof first;

beforeEach(async () => {
  world = await startWebhookWorld();
  first = await world.addWebhook(world.app, URL_A);
  second = await world.addWebhook(world.app, URL_B);
});

/** An event that another app's endpoint refused, and takes from now on. Returns what it took in the next hour. */
const sentToAnother = async () => {
  const other = await makeApp(world.broker, 'Other');
  await world.addWebhook(other, URL_C);
  world.refuse();
  await connect(world.broker, other, 'bea', world.people[1] ?? '');
  await world.broker.settle();
  const before = world.typesAt(URL_C).length;
  world.accept();
  for (let minutes = 0; minutes < 60; minutes += 1) await world.tickAfter(MINUTE);
  return world.typesAt(URL_C).slice(before);
};

/** Where the first event was sent since then. */
const urlsSince = (before: number) =>
  world.receivers.deliveries
    .slice(before)
    .filter(({ body }) => body.includes('connection.created'))
    .map(({ url }) => url)
    .toSorted();

const isReadOfNamedGroups = (sql: string) => sql.includes('AS wanted\n') && sql.includes('JOIN groups AS g');

const dueTimes = async () =>
  (await env.DB.prepare('SELECT due_at FROM webhook_endpoints WHERE app_id = ?').bind(world.app.id).raw()).flat();

describe('what another app’s endpoint refused is sent in time, beside two endpoints', () => {
  test('of a disabled app, which get what waited when the app is enabled', async () => {
    world.refuse();
    await world.link('ada');
    await world.broker.manage('PATCH', `/apps/${world.app.id}`, { disabled: true });
    await world.tickAfter(HOUR);
    expect(await sentToAnother()).toEqual(['connection.created']);
    const before = world.receivers.deliveries.length;
    await world.broker.manage('PATCH', `/apps/${world.app.id}`, { disabled: false });
    await world.tickAfter(MINUTE);
    expect(urlsSince(before)).toEqual([URL_B, URL_A]);
  });

  test('that their owner disabled during a run, which get what waited when they are enabled', async () => {
    world.refuse();
    await world.link('ada');
    const paths = new Map([
      [URL_A, first.path],
      [URL_B, second.path],
    ]);
    world.receivers.answerWith(async ({ url }) => {
      await world.broker.manage('PATCH', paths.get(url) ?? '', { disabled: true });
      return new Response(null, { status: 500 });
    });
    await world.tickAfter(HOUR);
    expect(await dueTimes()).toEqual([null, null]);
    expect(await sentToAnother()).toEqual(['connection.created']);
    const before = world.receivers.deliveries.length;
    for (const { path } of [first, second]) await world.broker.manage('PATCH', path, { disabled: false });
    await world.tickAfter(HOUR);
    await world.tickAfter(HOUR);
    expect(urlsSince(before)).toEqual([URL_B, URL_A]);
  });

  test('that were disabled while due by an earlier release', async () => {
    await env.DB.prepare('UPDATE webhook_endpoints SET due_at = 1, disabled_at = 1').run();
    expect(await sentToAnother()).toEqual(['connection.created']);
  });

  test('whose runs fail', async () => {
    world.refuse();
    await world.link('ada');
    await world.sync('ada');
    world.d1.failWhen(({ statements }) => (statements.some(isReadOfNamedGroups) ? 'refused' : undefined));
    await world.tickAfter(HOUR);
    expect(await sentToAnother()).toEqual(['connection.created']);
  });
});

test('an event that an invocation left is sent at the next tick, beside such events of disabled apps', async () => {
  const other = await makeApp(world.broker, 'Other');
  await world.addWebhook(other, URL_C);
  const leaveEvent = ({ id }: { id: string }, seq: number) =>
    env.DB.prepare(
      `INSERT INTO events (app_id, seq, id, type, user_id, at, detail) VALUES (?1, ?2, 'evt_' || ?2, 'connection.restored', 'u', ?3, '{}')`,
    )
      .bind(id, seq, world.broker.now())
      .run();
  await leaveEvent(world.app, 1);
  await world.broker.manage('PATCH', `/apps/${world.app.id}`, { disabled: true });
  // The endpoints that a tick compares are random, so one tick may be lucky.
  for (let seq = 1; seq <= 20; seq += 1) {
    await leaveEvent(other, seq);
    await world.tickAfter(MINUTE);
    expect(world.typesAt(URL_C)).toHaveLength(seq);
  }
});
