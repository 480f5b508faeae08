import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { expect, test } from 'vitest';

import { createApp } from '../../src/client/management.ts';
import { verifyWebhook, type WebhookEvent } from '../../src/client/webhooks.ts';
import { metricValue } from '../../src/http/api/metrics/contract.ts';
import { event as eventSchema } from '../../src/http/api/webhooks/contract.ts';
import { listen, newMushu } from './mushu.ts';
import { ready } from './shared.ts';

/** `mushu webhooks` against the running broker, and a receiver on this machine that checks what it gets. */

const env = { MUSHU_URL: ready.url, MUSHU_TOKEN: ready.admin_token };
const operator = { url: ready.url, credential: ready.admin_token };

const newApp = async (): Promise<string> => {
  const made = await createApp(operator, { name: 'Webhooks' });
  if (!made.ok) throw new Error(JSON.stringify(made.failure));
  return made.value.id;
};

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  request.on('data', (data: Buffer) => (text += data.toString()));
  await once(request, 'end');
  return text;
};

/** A receiver as an app has it: it answers 204 to what is genuine, and 401 to the rest. */
const startReceiver = async (secret: () => string) => {
  const events: WebhookEvent[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const checked = await verifyWebhook(request.headers, await bodyOf(request), { secret: secret() });
    if (checked.ok) events.push(checked.event);
    response.writeHead(checked.ok ? 204 : 401).end();
  };
  const url = await listen((request, response) => void answer(request, response));
  return { url, events };
};

test('a sample signed by another secret is refused; one by the right secret is taken and keeps to the contract', async () => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const receiver = await startReceiver(() => secret);
  const trigger = ['webhooks', 'trigger', 'measurements.changed', '--forward-to', receiver.url];
  const wrong = await newMushu().run(trigger, env);
  expect([wrong.code, wrong.out]).toEqual([1, expect.stringContaining('401')]);
  expect(receiver.events).toEqual([]);
  const right = await newMushu().run([...trigger, '--secret', secret], env);
  expect([right.code, right.out]).toEqual([0, expect.stringContaining('204')]);
  expect(receiver.events).toMatchObject([{ type: 'measurements.changed', data: { user_id: 'ada', groups: 1 } }]);
  const [change] = eventSchema.parse(receiver.events[0]).data.changes ?? [];
  const sample = change !== undefined && 'measurements' in change ? change.measurements[0] : undefined;
  expect(metricValue.shape.source.shape.attribution.description).toContain(`\`${sample?.source.attribution}\``);
});

test('an endpoint is added, tested, switched off and removed', async () => {
  const mushu = newMushu();
  const app = await newApp();
  const on = ['--app', app];
  const refused = await mushu.run(['webhooks', 'add', 'http://127.0.0.1:9/', ...on], env);
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('allow_loopback')]);
  await mushu.run(['apps', 'set', app, '--loopback', 'allow'], env);
  let secret = '';
  const receiver = await startReceiver(() => secret);
  const added = await mushu.run(['webhooks', 'add', receiver.url, ...on, '--json'], env);
  const made = JSON.parse(added.out) as { id: string; secret: string };
  ({ secret } = made);
  await mushu.run(['webhooks', 'test', made.id, ...on], env);
  await expect.poll(() => receiver.events.map(({ type }) => type), { timeout: 60_000 }).toEqual(['webhook.test']);
  const attempts = async () => (await mushu.run(['webhooks', 'attempts', made.id, ...on], env)).out;
  await expect.poll(attempts, { timeout: 60_000 }).toContain('webhook.test');
  expect((await mushu.run(['webhooks', 'disable', made.id, ...on], env)).code).toBe(0);
  const tested = await mushu.run(['webhooks', 'test', made.id, ...on], env);
  expect([tested.code, tested.err]).toEqual([1, expect.stringContaining('webhook_disabled')]);
  expect((await mushu.run(['webhooks', 'remove', made.id, ...on], env)).code).toBe(0);
  expect((await mushu.run(['webhooks', 'list', ...on], env)).out).toContain('None yet');
});
