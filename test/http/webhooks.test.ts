import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { verifyAsReceiver } from '../support/receiver.ts';
import { DAY, HOUR, MINUTE, startWebhookWorld, URL_A, URL_B, type WebhookWorld } from '../support/webhook-world.ts';

/** Webhooks through the running broker: what is sent, and what must never be sent. */

let world: WebhookWorld;
beforeEach(async () => {
  world = await startWebhookWorld();
});

describe('nothing is sent', () => {
  test('for an app without an endpoint, and no event is recorded', async () => {
    await world.link('ada');
    await world.sync('ada');
    expect(world.receivers.deliveries).toEqual([]);
    expect(await env.DB.prepare('SELECT count(*) AS n FROM events').first('n')).toBe(0);
  });

  test('to an endpoint that was removed, also what waited for it', async () => {
    const hook = await world.addWebhook(world.app, URL_A);
    world.refuse();
    await world.link('ada');
    expect((await world.broker.manage('DELETE', hook.path)).status).toBe(204);
    const before = world.receivers.deliveries.length;
    await world.tickAfter(HOUR);
    expect(world.receivers.deliveries).toHaveLength(before);
    expect(await env.DB.prepare('SELECT count(*) AS n FROM webhook_retries').first('n')).toBe(0);
  });

  test('while the app is disabled, and what waited is sent when it is enabled', async () => {
    await world.addWebhook(world.app, URL_A);
    world.refuse();
    await world.link('ada');
    const before = world.receivers.deliveries.length;
    world.accept();
    await world.broker.manage('PATCH', `/apps/${world.app.id}`, { disabled: true });
    await world.tickAfter(HOUR);
    expect(world.receivers.deliveries).toHaveLength(before);
    await world.broker.manage('PATCH', `/apps/${world.app.id}`, { disabled: false });
    await world.tickAfter(MINUTE);
    expect(world.typesAt(URL_A).slice(before)).toEqual(['connection.created']);
  });

  test.each([
    ['test', undefined],
    ['resend', { from: 1 }],
  ])('to a disabled endpoint on request: %s is 409, and queues nothing', async (action, body) => {
    const hook = await world.addWebhook(world.app, URL_A);
    await world.link('ada');
    const before = world.receivers.deliveries.length;
    await world.broker.manage('PATCH', hook.path, { disabled: true });
    const answer = await world.broker.manage('POST', `${hook.path}/${action}`, body);
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ code: 'webhook_disabled' });
    await world.broker.manage('PATCH', hook.path, { disabled: false });
    await world.tickAfter(HOUR);
    expect(world.receivers.deliveries).toHaveLength(before);
  });

  test('about a person who was erased, but the erasure', async () => {
    await world.addWebhook(world.app, URL_A);
    world.refuse();
    await world.link('ada');
    world.accept();
    await world.app.call('DELETE', '/users/ada');
    await world.broker.settle();
    await world.tickAfter(DAY);
    const delivered = world.receivers.eventsAt(URL_A).slice(2);
    expect(delivered.map(({ type, data }) => [type, data.user_id])).toEqual([['user.erased', 'ada']]);
    const kept = await (await world.app.call('GET', '/events')).json<{ data: { type: string }[] }>();
    expect(kept.data.map(({ type }) => type)).toEqual(['user.erased']);
  });

  test('of types that an endpoint did not ask for', async () => {
    await world.addWebhook(world.app, URL_A, { events: ['connection.disconnected'] });
    await world.addWebhook(world.app, URL_B);
    await world.link('ada');
    await world.app.call('DELETE', '/withings/disconnect/ada');
    await world.broker.settle();
    expect(world.typesAt(URL_A)).toEqual(['connection.disconnected']);
    expect(world.typesAt(URL_B)).toEqual(['connection.created', 'connection.disconnected']);
  });
});

describe('an event', () => {
  test('of a weigh-in holds the groups as the changes feed gives them, signed for the reference implementation', async () => {
    const hook = await world.addWebhook(world.app, URL_A);
    await world.link('ada');
    await world.sync('ada');
    for (const delivery of world.receivers.deliveries) verifyAsReceiver(hook.secret, delivery);
    const events = world.receivers.eventsAt(URL_A);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(events[0]).toMatchObject({
      type: 'connection.created',
      data: { app_id: world.app.id, user_id: 'ada', sequence: 1 },
    });
    expect(world.typesAt(URL_A)).toContain('measurements.changed');
    const forged = { ...world.newest(), body: world.newest().body.replace('ada', 'eve') };
    expect(() => verifyAsReceiver(hook.secret, forged)).toThrow();
  });

  test('of a thin endpoint says whom it concerns and no value', async () => {
    await world.addWebhook(world.app, URL_A, { payload: 'thin' });
    await world.link('ada');
    await world.sync('ada');
    for (const { data } of world.receivers.eventsAt(URL_A).filter(({ type }) => type === 'measurements.changed')) {
      expect(data).toMatchObject({ changes: null, read_from: `/apps/${world.app.id}/changes` });
    }
    expect(world.receivers.deliveries.map(({ body }) => body).join('')).not.toContain('"value"');
  });

  test('carries a signature by each secret for a day after a rotation', async () => {
    const hook = await world.addWebhook(world.app, URL_A);
    const rotated = await (await world.broker.manage('POST', `${hook.path}/rotate-secret`)).json<{ secret: string }>();
    await world.broker.manage('POST', `${hook.path}/test`);
    await world.broker.settle();
    for (const secret of [hook.secret, rotated.secret]) verifyAsReceiver(secret, world.newest());
    world.broker.advance(DAY + 1);
    await world.broker.manage('POST', `${hook.path}/test`);
    await world.broker.settle();
    const late = world.newest();
    verifyAsReceiver(rotated.secret, late);
    expect(() => verifyAsReceiver(hook.secret, late)).toThrow();
  });

  test('is one row when it is recorded, one when it is delivered and one when it expires', async () => {
    await world.addWebhook(world.app, URL_A);
    await world.link('ada');
    const rowsOf = async (work: () => Promise<unknown>) => {
      world.d1.reset();
      await work();
      await world.broker.settle();
      const ours = world.d1.statements.filter(({ sql }) => /(into|update|from) "?(events|webhook_\w+)/i.test(sql));
      return ours.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);
    };
    expect(await rowsOf(() => world.app.call('DELETE', '/withings/disconnect/ada'))).toBe(2);
    world.broker.advance(8 * DAY);
    // The newest stays, and loses what it says.
    expect(await rowsOf(() => world.broker.tick())).toBe(2);
  });
});

test('an event that was recorded by an invocation that was killed is sent by the cron', async () => {
  await world.addWebhook(world.app, URL_A);
  world.d1.failWhen(({ statements }) =>
    statements.some((sql) => sql.includes('from "webhook_endpoints" inner join "apps"')) ? 'refused' : undefined,
  );
  await world.link('ada');
  expect(world.receivers.deliveries).toEqual([]);
  world.d1.failWhen(() => undefined);
  await world.tickAfter(MINUTE);
  expect(world.typesAt(URL_A)).toEqual(['connection.created']);
});

test('events can be read back for seven days and sent again', async () => {
  const hook = await world.addWebhook(world.app, URL_A);
  world.refuse(400);
  await world.link('ada');
  world.accept();
  const read = async () =>
    (await world.app.call('GET', '/events')).json<{ data: { type: string; id: string }[]; next_after: number }>();
  expect((await read()).data.map(({ type }) => type)).toEqual(['connection.created']);
  const before = world.receivers.deliveries.length;
  const resent = await world.broker.manage('POST', `${hook.path}/resend`, { failed_since: '2026-06-01T00:00:00Z' });
  expect(await resent.json()).toEqual({ queued: 1 });
  await world.tickAfter(MINUTE);
  expect(world.typesAt(URL_A).slice(before)).toEqual(['connection.created']);
  await world.broker.manage('POST', `${hook.path}/test`);
  await world.broker.settle();
  world.broker.advance(8 * DAY);
  await world.broker.tick();
  expect((await read()).data).toEqual([]);
});
