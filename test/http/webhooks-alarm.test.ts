import { beforeEach, expect, test } from 'vitest';

import { connect, makeApp } from '../support/broker.ts';
import { MINUTE, startWebhookWorld, URL_A, URL_B, type WebhookWorld } from '../support/webhook-world.ts';

/** When the alarm about a disabled endpoint ends. It is one alarm for the endpoints of all apps. */

const URL_C = 'https://c.hooks.example.com/c';

type Endpoint = Awaited<ReturnType<WebhookWorld['addWebhook']>>;
let world: WebhookWorld;
let other: Awaited<ReturnType<typeof makeApp>>;
let gone: Endpoint;
let alsoGone: Endpoint;
let healthy: Endpoint;

const openAlarms = async () => {
  const status = await (await world.broker.manage('GET', '/operator/status')).json<{ alarms: { code: string }[] }>();
  return status.alarms.map(({ code }) => code);
};

beforeEach(async () => {
  world = await startWebhookWorld();
  other = await makeApp(world.broker, 'Other');
  gone = await world.addWebhook(world.app, URL_A);
  alsoGone = await world.addWebhook(other, URL_B);
  healthy = await world.addWebhook(other, URL_C);
  world.receivers.answerWith(({ url }) => new Response(null, { status: url === URL_C ? 204 : 410 }));
  await world.link('ada');
  await connect(world.broker, other, 'bea', world.people[1] ?? '');
  await world.broker.settle();
  expect(await openAlarms()).toEqual(['webhook_endpoint_disabled']);
});

const change = ({ path }: Endpoint, disabled: boolean) => world.broker.manage('PATCH', path, { disabled });

test('the alarm stays on while any endpoint is given up, also when others are enabled or removed', async () => {
  await change(healthy, false);
  await change(healthy, true);
  await change(alsoGone, false);
  await world.broker.manage('DELETE', healthy.path);
  expect(await openAlarms()).toEqual(['webhook_endpoint_disabled']);
  await change(gone, false);
  expect(await openAlarms()).toEqual([]);
});

test.each<[string, () => Promise<unknown>]>([
  ['disabled by its owner', () => change(gone, true)],
  ['removed', () => world.broker.manage('DELETE', gone.path)],
  ['deleted with its app', () => world.broker.manage('DELETE', `/apps/${world.app.id}`)],
])('the alarm ends when the last endpoint that was given up is %s', async (_, end) => {
  await change(alsoGone, false);
  await end();
  expect(await openAlarms()).toEqual([]);
});

test('the alarm is repeated each day while it lasts, and names no app and no endpoint', async () => {
  const { broker } = world;
  for (let hours = 0; hours < 75; hours += 1) {
    broker.advance(47 * MINUTE);
    await broker.tick();
    broker.advance(13 * MINUTE);
  }
  const lines = broker.logs.filter(
    ({ event, outcome }) => event === 'alarm' && outcome === 'webhook_endpoint_disabled',
  );
  expect(lines).toHaveLength(1 + 3);
  for (const { reason } of lines) expect(reason).toBe('gone');
  const apps = broker.logs.filter(({ event, outcome }) => event === 'webhook' && outcome === 'disabled');
  expect(new Set(apps.map(({ appId }) => appId))).toEqual(new Set([world.app.id, other.id]));
});
