import { beforeEach, describe, expect, test } from 'vitest';

import { DAY, HOUR, MINUTE, startWebhookWorld, URL_A, type WebhookWorld } from '../support/webhook-world.ts';

/** When a refused event is sent again, and when no more. */

let world: WebhookWorld;
beforeEach(async () => {
  world = await startWebhookWorld();
});

describe('a receiver that refuses', () => {
  test('is asked again after five seconds, then by the cron at growing pauses, and gets everything in the end', async () => {
    await world.addWebhook(world.app, URL_A);
    world.refuse();
    await world.link('ada');
    expect(world.receivers.deliveries).toHaveLength(2);
    await world.tickAfter(MINUTE);
    expect(world.receivers.deliveries).toHaveLength(2);
    await world.tickAfter(5 * MINUTE);
    expect(world.receivers.deliveries).toHaveLength(3);
    world.accept();
    await world.tickAfter(HOUR);
    expect(world.typesAt(URL_A)).toEqual(Array.from({ length: 4 }, () => 'connection.created'));
    expect(new Set(world.receivers.eventsAt(URL_A).map(({ id }) => id)).size).toBe(1);
    await world.tickAfter(HOUR);
    expect(world.receivers.deliveries).toHaveLength(4);
  });

  test('costs nothing until the next attempt, also with an event behind the refused one', async () => {
    await world.addWebhook(world.app, URL_A);
    world.refuse();
    await world.link('ada');
    await world.app.call('DELETE', '/withings/disconnect/ada');
    await world.broker.settle();
    await world.tickAfter(6 * MINUTE);
    expect(world.typesAt(URL_A)).toEqual(Array.from({ length: 3 }, () => 'connection.created'));
    world.d1.reset();
    for (let minutes = 0; minutes < 29; minutes += 1) await world.tickAfter(MINUTE);
    expect(world.d1.statements.filter(({ sql }) => /^update "webhook_endpoints"/i.test(sql))).toEqual([]);
    world.accept();
    await world.tickAfter(5 * MINUTE);
    expect(world.typesAt(URL_A).slice(3)).toEqual(['connection.created', 'connection.disconnected']);
  });

  test('is left alone for as long as its Retry-After says', async () => {
    await world.addWebhook(world.app, URL_A);
    world.refuse(503, { 'Retry-After': '7200' });
    await world.link('ada');
    expect(world.receivers.deliveries).toHaveLength(1);
    for (let minutes = 0; minutes < 110; minutes += 10) await world.tickAfter(10 * MINUTE);
    expect(world.receivers.deliveries).toHaveLength(1);
    await world.tickAfter(20 * MINUTE);
    expect(world.receivers.deliveries).toHaveLength(2);
  });

  test('one person’s events delays no other person’s, and overtakes none of its own', async () => {
    await world.addWebhook(world.app, URL_A);
    world.receivers.answerWith(({ body }) => new Response(null, { status: body.includes('"ada"') ? 500 : 204 }));
    await world.link('ada');
    await world.app.call('DELETE', '/withings/disconnect/ada');
    await world.broker.settle();
    await world.link('bob', world.people[1]);
    await world.tickAfter(MINUTE);
    const accepted = () =>
      world.receivers
        .eventsAt(URL_A)
        .filter(({ data }) => data.user_id === 'bob')
        .map(({ type }) => type);
    expect(accepted()).toEqual(['connection.created']);
    expect(
      world.receivers
        .eventsAt(URL_A)
        .some(({ data, type }) => data.user_id === 'ada' && type === 'connection.disconnected'),
    ).toBe(false);
    world.accept();
    const before = world.receivers.deliveries.length;
    await world.tickAfter(HOUR);
    await world.tickAfter(MINUTE);
    expect(world.typesAt(URL_A).slice(before)).toEqual(['connection.created', 'connection.disconnected']);
  });

  test('by 410 is asked no more', async () => {
    const hook = await world.addWebhook(world.app, URL_A);
    world.refuse(410);
    await world.link('ada');
    await world.tickAfter(DAY);
    expect(world.receivers.deliveries).toHaveLength(1);
    expect(await (await world.broker.manage('GET', hook.path)).json()).toMatchObject({
      disabled: true,
      disabled_reason: 'gone',
    });
  });

  test('for five days is disabled, and is sent what waited when it is enabled again', async () => {
    const hook = await world.addWebhook(world.app, URL_A);
    world.refuse();
    await world.link('ada');
    for (let hours = 0; hours < 5 * 24 + 13; hours += 1) await world.tickAfter(HOUR);
    await world.link('bob', world.people[1]);
    await world.tickAfter(HOUR);
    expect(await (await world.broker.manage('GET', hook.path)).json()).toMatchObject({
      disabled: true,
      disabled_reason: 'failing',
    });
    const before = world.receivers.deliveries.length;
    await world.tickAfter(DAY);
    expect(world.receivers.deliveries).toHaveLength(before);
    world.accept();
    await world.broker.manage('PATCH', hook.path, { disabled: false });
    await world.tickAfter(MINUTE);
    expect(
      world.receivers
        .eventsAt(URL_A)
        .slice(before)
        .map(({ data }) => data.user_id),
    ).toContain('bob');
  });

  test('with a redirect is not followed, and a huge answer is not read', async () => {
    const hook = await world.addWebhook(world.app, URL_A);
    let read = 0;
    world.receivers.answerWith(
      () =>
        new Response(
          new ReadableStream({
            pull: (stream) => {
              read += 1;
              stream.enqueue(new Uint8Array(1_024).fill(97));
            },
          }),
          { status: 302, headers: { Location: 'https://169.254.169.254/' } },
        ),
    );
    await world.link('ada');
    expect(world.receivers.deliveries.every(({ url }) => url === URL_A)).toBe(true);
    expect(read).toBeLessThan(20);
    const attempts = await (
      await world.broker.manage('GET', `${hook.path}/attempts`)
    ).json<{ data: { status: number; answer: string }[] }>();
    expect(attempts.data[0]).toMatchObject({ status: 302, answer: 'a'.repeat(1_024) });
  });
});
