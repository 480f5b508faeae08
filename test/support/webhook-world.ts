import { env } from 'cloudflare:workers';
import { expect } from 'vitest';

import { connect, emptyTables, makeApp, startBroker } from './broker.ts';
import { meterD1 } from './d1-meter.ts';
import { startReceivers } from './receiver.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const URL_A = 'https://hooks.example.com/a';
export const URL_B = 'https://b.hooks.example.com/b';

/** A running broker with one app, and receivers that say what they got. */
export type WebhookWorld = Awaited<ReturnType<typeof startWebhookWorld>>;

const d1 = meterD1(env.DB);

export const startWebhookWorld = async () => {
  await emptyTables();
  d1.failWhen(() => undefined);
  const receivers = startReceivers(() => broker.now());
  const broker = await startBroker({ bindings: { DB: d1.d1 }, fetch: receivers.intercept });
  const app = await makeApp(broker);
  const people = [...broker.simulator.state.people.list()].map(({ id }) => id);
  return {
    broker,
    app,
    people,
    receivers,
    d1,
    addWebhook: async (of: { id: string }, url: string, more: Record<string, unknown> = {}) => {
      const created = await broker.manage('POST', `/apps/${of.id}/webhooks`, { url, ...more });
      expect(created.status).toBe(201);
      const { id, secret } = await created.json<{ id: string; secret: string }>();
      return { id, secret, path: `/apps/${of.id}/webhooks/${id}` };
    },
    link: async (userId: string, person = people[0] ?? '') => {
      await connect(broker, app, userId, person);
      await broker.settle();
    },
    sync: async (userId: string) => {
      const answer = await app.call('POST', `/withings/sync/${userId}`);
      await broker.settle();
      return answer;
    },
    newest: () => {
      const delivery = receivers.deliveries.at(-1);
      if (delivery === undefined) throw new Error('nothing was delivered');
      return delivery;
    },
    typesAt: (url: string) => receivers.eventsAt(url).map(({ type }) => type),
    tickAfter: async (ms: number) => {
      broker.advance(ms);
      await broker.tick();
      await broker.settle();
    },
    refuse: (status = 500, headers: Record<string, string> = {}) =>
      receivers.answerWith(() => new Response('no', { status, headers })),
    accept: () => receivers.answerWith(() => new Response(null, { status: 204 })),
  };
};
