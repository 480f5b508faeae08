import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { startReceivers, verifyAsReceiver } from '../support/receiver.ts';

/** Webhooks through the running broker: what is sent, when it is sent again, and what must never be sent. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const URL_A = 'https://hooks.example.com/a';
const URL_B = 'https://b.hooks.example.com/b';

let broker: Broker;
let app: TestApp;
let people: string[];
let receivers: ReturnType<typeof startReceivers>;
const d1 = meterD1(env.DB);

beforeEach(async () => {
  await emptyTables();
  d1.failWhen(() => undefined);
  receivers = startReceivers(() => broker.now());
  broker = await startBroker({ bindings: { DB: d1.d1 }, fetch: receivers.intercept });
  app = await makeApp(broker);
  people = [...broker.simulator.state.people.list()].map(({ id }) => id);
});

const addWebhook = async (of: { id: string }, url: string, more: Record<string, unknown> = {}) => {
  const created = await broker.manage('POST', `/apps/${of.id}/webhooks`, { url, ...more });
  expect(created.status).toBe(201);
  const { id, secret } = await created.json<{ id: string; secret: string }>();
  return { id, secret, path: `/apps/${of.id}/webhooks/${id}` };
};
const link = async (userId: string, person = people[0] ?? '') => {
  await connect(broker, app, userId, person);
  await broker.settle();
};
const sync = async (userId: string) => {
  const answer = await app.call('POST', `/withings/sync/${userId}`);
  await broker.settle();
  return answer;
};
const newest = () => {
  const delivery = receivers.deliveries.at(-1);
  if (delivery === undefined) throw new Error('nothing was delivered');
  return delivery;
};
const typesAt = (url: string) => receivers.eventsAt(url).map(({ type }) => type);
const tickAfter = async (ms: number) => {
  broker.advance(ms);
  await broker.tick();
  await broker.settle();
};
const refuse = (status = 500, headers: Record<string, string> = {}) =>
  receivers.answerWith(() => new Response('no', { status, headers }));
const accept = () => receivers.answerWith(() => new Response(null, { status: 204 }));

describe('nothing is sent', () => {
  test('for an app without an endpoint, and no event is recorded', async () => {
    await link('ada');
    await sync('ada');
    expect(receivers.deliveries).toEqual([]);
    expect(await env.DB.prepare('SELECT count(*) AS n FROM events').first('n')).toBe(0);
  });

  test('to an endpoint that was removed, also what waited for it', async () => {
    const hook = await addWebhook(app, URL_A);
    refuse();
    await link('ada');
    expect((await broker.manage('DELETE', hook.path)).status).toBe(204);
    const before = receivers.deliveries.length;
    await tickAfter(HOUR);
    expect(receivers.deliveries).toHaveLength(before);
    expect(await env.DB.prepare('SELECT count(*) AS n FROM webhook_retries').first('n')).toBe(0);
  });

  test('while the app is disabled, and what waited is sent when it is enabled', async () => {
    await addWebhook(app, URL_A);
    refuse();
    await link('ada');
    const before = receivers.deliveries.length;
    accept();
    await broker.manage('PATCH', `/apps/${app.id}`, { disabled: true });
    await tickAfter(HOUR);
    expect(receivers.deliveries).toHaveLength(before);
    await broker.manage('PATCH', `/apps/${app.id}`, { disabled: false });
    await tickAfter(MINUTE);
    expect(typesAt(URL_A).slice(before)).toEqual(['connection.created']);
  });

  test.each([
    ['test', undefined],
    ['resend', { from: 1 }],
  ])('to a disabled endpoint on request: %s is 409, and queues nothing', async (action, body) => {
    const hook = await addWebhook(app, URL_A);
    await link('ada');
    const before = receivers.deliveries.length;
    await broker.manage('PATCH', hook.path, { disabled: true });
    const answer = await broker.manage('POST', `${hook.path}/${action}`, body);
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ code: 'webhook_disabled' });
    await broker.manage('PATCH', hook.path, { disabled: false });
    await tickAfter(HOUR);
    expect(receivers.deliveries).toHaveLength(before);
  });

  test('about a person who was erased, but the erasure', async () => {
    await addWebhook(app, URL_A);
    refuse();
    await link('ada');
    accept();
    await app.call('DELETE', '/users/ada');
    await broker.settle();
    await tickAfter(DAY);
    const delivered = receivers.eventsAt(URL_A).slice(2);
    expect(delivered.map(({ type, data }) => [type, data.user_id])).toEqual([['user.erased', 'ada']]);
    const kept = await (await app.call('GET', '/events')).json<{ data: { type: string }[] }>();
    expect(kept.data.map(({ type }) => type)).toEqual(['user.erased']);
  });

  test('of types that an endpoint did not ask for', async () => {
    await addWebhook(app, URL_A, { events: ['connection.disconnected'] });
    await addWebhook(app, URL_B);
    await link('ada');
    await app.call('DELETE', '/withings/disconnect/ada');
    await broker.settle();
    expect(typesAt(URL_A)).toEqual(['connection.disconnected']);
    expect(typesAt(URL_B)).toEqual(['connection.created', 'connection.disconnected']);
  });
});

describe('an endpoint is refused', () => {
  test.each([
    ['http://api.example.com/hook', 'must begin with https://'],
    ['https://user:pass@api.example.com/', 'user name or a password'],
    ['https://api.example.com/#part', 'fragment'],
    ['https://127.0.0.1/hook', 'allow_loopback'],
    ['https://localhost:3000/', 'allow_loopback'],
    ['https://[::1]/', 'allow_loopback'],
    ['https://2130706433/', 'allow_loopback'],
    ['https://0177.0.0.1/', 'allow_loopback'],
    ['https://169.254.169.254/latest/meta-data', 'private network'],
    ['https://10.0.0.1/', 'private network'],
    ['https://[fd00::1]/', 'private network'],
    ['https://[::ffff:10.0.0.1]/', 'private network'],
    ['https://intranet/', 'private network'],
    ['https://db.internal/', 'private network'],
    ['https://broker.example.com/x', 'this broker itself'],
    ['not a url', 'absolute URL'],
  ])('at %s', async (url, words) => {
    const answer = await broker.manage('POST', `/apps/${app.id}/webhooks`, { url });
    expect(answer.status).toBe(422);
    const problem = await answer.json<{ code: string; detail: string }>();
    expect(problem.code).toBe('webhook_url_not_allowed');
    expect(problem.detail).toContain(words);
  });

  test('by a change too, which leaves the endpoint where it was', async () => {
    const hook = await addWebhook(app, URL_A);
    const answer = await broker.manage('PATCH', hook.path, { url: 'https://127.0.0.1/hook' });
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ code: 'webhook_url_not_allowed' });
    expect(await (await broker.manage('GET', hook.path)).json()).toMatchObject({ url: URL_A });
  });

  test('beyond five, however many come at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 9 }, (_, index) =>
        broker.manage('POST', `/apps/${app.id}/webhooks`, { url: `https://hooks.example.com/${index}` }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(4);
  });

  test('by whoever may not manage the app', async () => {
    const byKey = await app.call('POST', '/webhooks', { url: URL_A });
    expect(byKey.status).toBe(401);
  });
});

describe('an event', () => {
  test('of a weigh-in holds the groups as the changes feed gives them, signed for the reference implementation', async () => {
    const hook = await addWebhook(app, URL_A);
    await link('ada');
    await sync('ada');
    for (const delivery of receivers.deliveries) verifyAsReceiver(hook.secret, delivery);
    const events = receivers.eventsAt(URL_A);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(events[0]).toMatchObject({
      type: 'connection.created',
      data: { app_id: app.id, user_id: 'ada', sequence: 1 },
    });
    expect(typesAt(URL_A)).toContain('measurements.changed');
    const forged = { ...newest(), body: newest().body.replace('ada', 'eve') };
    expect(() => verifyAsReceiver(hook.secret, forged)).toThrow();
  });

  test('of a thin endpoint says whom it concerns and no value', async () => {
    await addWebhook(app, URL_A, { payload: 'thin' });
    await link('ada');
    await sync('ada');
    for (const { data } of receivers.eventsAt(URL_A).filter(({ type }) => type === 'measurements.changed')) {
      expect(data).toMatchObject({ changes: null, read_from: `/apps/${app.id}/changes` });
    }
    expect(receivers.deliveries.map(({ body }) => body).join('')).not.toContain('"value"');
  });

  test('carries a signature by each secret for a day after a rotation', async () => {
    const hook = await addWebhook(app, URL_A);
    const rotated = await (await broker.manage('POST', `${hook.path}/rotate-secret`)).json<{ secret: string }>();
    await broker.manage('POST', `${hook.path}/test`);
    await broker.settle();
    for (const secret of [hook.secret, rotated.secret]) verifyAsReceiver(secret, newest());
    broker.advance(DAY + 1);
    await broker.manage('POST', `${hook.path}/test`);
    await broker.settle();
    const late = newest();
    verifyAsReceiver(rotated.secret, late);
    expect(() => verifyAsReceiver(hook.secret, late)).toThrow();
  });

  test('is one row when it is recorded, one when it is delivered and one when it expires', async () => {
    await addWebhook(app, URL_A);
    await link('ada');
    const rowsOf = async (work: () => Promise<unknown>) => {
      d1.reset();
      await work();
      await broker.settle();
      const ours = d1.statements.filter(({ sql }) => /(INTO|UPDATE|FROM) (events|webhook_\w+)/.test(sql));
      return ours.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);
    };
    expect(await rowsOf(() => app.call('DELETE', '/withings/disconnect/ada'))).toBe(2);
    broker.advance(8 * DAY);
    expect(await rowsOf(() => broker.tick())).toBe(1);
  });
});

describe('a receiver that refuses', () => {
  test('is asked again after five seconds, then by the cron at growing pauses, and gets everything in the end', async () => {
    await addWebhook(app, URL_A);
    refuse();
    await link('ada');
    expect(receivers.deliveries).toHaveLength(2);
    await tickAfter(MINUTE);
    expect(receivers.deliveries).toHaveLength(2);
    await tickAfter(5 * MINUTE);
    expect(receivers.deliveries).toHaveLength(3);
    accept();
    await tickAfter(HOUR);
    expect(typesAt(URL_A)).toEqual(Array.from({ length: 4 }, () => 'connection.created'));
    expect(new Set(receivers.eventsAt(URL_A).map(({ id }) => id)).size).toBe(1);
    await tickAfter(HOUR);
    expect(receivers.deliveries).toHaveLength(4);
  });

  test('is left alone for as long as its Retry-After says', async () => {
    await addWebhook(app, URL_A);
    refuse(503, { 'Retry-After': '7200' });
    await link('ada');
    expect(receivers.deliveries).toHaveLength(1);
    for (let minutes = 0; minutes < 110; minutes += 10) await tickAfter(10 * MINUTE);
    expect(receivers.deliveries).toHaveLength(1);
    await tickAfter(20 * MINUTE);
    expect(receivers.deliveries).toHaveLength(2);
  });

  test('one person’s events delays no other person’s, and overtakes none of its own', async () => {
    await addWebhook(app, URL_A);
    receivers.answerWith(({ body }) => new Response(null, { status: body.includes('"ada"') ? 500 : 204 }));
    await link('ada');
    await app.call('DELETE', '/withings/disconnect/ada');
    await broker.settle();
    await link('bob', people[1]);
    await tickAfter(MINUTE);
    const accepted = () =>
      receivers
        .eventsAt(URL_A)
        .filter(({ data }) => data.user_id === 'bob')
        .map(({ type }) => type);
    expect(accepted()).toEqual(['connection.created']);
    expect(
      receivers.eventsAt(URL_A).some(({ data, type }) => data.user_id === 'ada' && type === 'connection.disconnected'),
    ).toBe(false);
    accept();
    const before = receivers.deliveries.length;
    await tickAfter(HOUR);
    await tickAfter(MINUTE);
    expect(typesAt(URL_A).slice(before)).toEqual(['connection.created', 'connection.disconnected']);
  });

  test('by 410 is asked no more', async () => {
    const hook = await addWebhook(app, URL_A);
    refuse(410);
    await link('ada');
    await tickAfter(DAY);
    expect(receivers.deliveries).toHaveLength(1);
    expect(await (await broker.manage('GET', hook.path)).json()).toMatchObject({
      disabled: true,
      disabled_reason: 'gone',
    });
  });

  test('for five days is disabled, and is sent what waited when it is enabled again', async () => {
    const hook = await addWebhook(app, URL_A);
    refuse();
    await link('ada');
    for (let hours = 0; hours < 5 * 24 + 13; hours += 1) await tickAfter(HOUR);
    await link('bob', people[1]);
    await tickAfter(HOUR);
    expect(await (await broker.manage('GET', hook.path)).json()).toMatchObject({
      disabled: true,
      disabled_reason: 'failing',
    });
    const before = receivers.deliveries.length;
    await tickAfter(DAY);
    expect(receivers.deliveries).toHaveLength(before);
    accept();
    await broker.manage('PATCH', hook.path, { disabled: false });
    await tickAfter(MINUTE);
    expect(
      receivers
        .eventsAt(URL_A)
        .slice(before)
        .map(({ data }) => data.user_id),
    ).toContain('bob');
  });

  test('with a redirect is not followed, and a huge answer is not read', async () => {
    const hook = await addWebhook(app, URL_A);
    let read = 0;
    receivers.answerWith(
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
    await link('ada');
    expect(receivers.deliveries.every(({ url }) => url === URL_A)).toBe(true);
    expect(read).toBeLessThan(20);
    const attempts = await (
      await broker.manage('GET', `${hook.path}/attempts`)
    ).json<{ data: { status: number; answer: string }[] }>();
    expect(attempts.data[0]).toMatchObject({ status: 302, answer: 'a'.repeat(1_024) });
  });
});

test('an event that was recorded by an invocation that was killed is sent by the cron', async () => {
  await addWebhook(app, URL_A);
  d1.failWhen(({ statements }) =>
    statements.some((sql) => sql.includes('FROM webhook_endpoints AS e JOIN apps')) ? 'refused' : undefined,
  );
  await link('ada');
  expect(receivers.deliveries).toEqual([]);
  d1.failWhen(() => undefined);
  await tickAfter(MINUTE);
  expect(typesAt(URL_A)).toEqual(['connection.created']);
});

test('events can be read back for seven days and sent again', async () => {
  const hook = await addWebhook(app, URL_A);
  refuse(400);
  await link('ada');
  accept();
  const read = async () =>
    (await app.call('GET', '/events')).json<{ data: { type: string; id: string }[]; next_after: number }>();
  expect((await read()).data.map(({ type }) => type)).toEqual(['connection.created']);
  const before = receivers.deliveries.length;
  const resent = await broker.manage('POST', `${hook.path}/resend`, { failed_since: '2026-06-01T00:00:00Z' });
  expect(await resent.json()).toEqual({ queued: 1 });
  await tickAfter(MINUTE);
  expect(typesAt(URL_A).slice(before)).toEqual(['connection.created']);
  await broker.manage('POST', `${hook.path}/test`);
  await broker.settle();
  broker.advance(8 * DAY);
  await broker.tick();
  expect((await read()).data).toEqual([]);
});
