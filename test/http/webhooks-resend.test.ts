import { beforeEach, expect, test } from 'vitest';

import { HOUR, MINUTE, startWebhookWorld, URL_A, type WebhookWorld } from '../support/webhook-world.ts';

/** Events that are queued again while the endpoint gets others. */

let world: WebhookWorld;
let path: string;

beforeEach(async () => {
  world = await startWebhookWorld();
  ({ path } = await world.addWebhook(world.app, URL_A));
});

/** Answers the next request with a status, after the owner has asked for events again. */
const resendDuringTheNext = (status: number, from: number, to: number) => {
  let isAsked = false;
  world.receivers.answerWith(async () => {
    if (isAsked) return new Response(null, { status: 204 });
    isAsked = true;
    const queued = await world.broker.manage('POST', `${path}/resend`, { from, to });
    expect([queued.status, await queued.json()]).toEqual([202, { queued: to - from + 1 }]);
    return new Response(null, { status });
  });
};

const sequencesSince = (before: number) =>
  world.receivers
    .eventsAt(URL_A)
    .slice(before)
    .map(({ data }) => data.sequence);

test('events queued again while a request sends a new one are sent at the next tick', async () => {
  await world.link('ada');
  await world.link('bea', world.people[1]);
  resendDuringTheNext(204, 1, 2);
  await world.link('cleo', world.people[2]);
  await world.tickAfter(MINUTE);
  expect(sequencesSince(2)).toEqual([3, 1, 2]);
});

test('events queued again while the cron sends are sent at the next tick, also the one that it sends', async () => {
  await world.link('ada');
  world.refuse();
  await world.link('bea', world.people[1]);
  const before = world.receivers.deliveries.length;
  resendDuringTheNext(204, 1, 2);
  await world.tickAfter(HOUR);
  expect(sequencesSince(before)).toEqual([2]);
  await world.tickAfter(MINUTE);
  expect(sequencesSince(before)).toEqual([2, 1, 2]);
});

test('events queued again while another is refused are sent at the next tick', async () => {
  await world.link('ada');
  world.refuse();
  await world.link('bea', world.people[1]);
  const before = world.receivers.deliveries.length;
  resendDuringTheNext(500, 1, 1);
  await world.tickAfter(HOUR);
  await world.tickAfter(MINUTE);
  expect(sequencesSince(before).slice(0, 2)).toEqual([2, 1]);
});
