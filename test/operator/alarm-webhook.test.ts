import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, onTestFinished, test } from 'vitest';

import { createAlarmWebhook } from '../../src/broker/operator/alarm-webhook.ts';
import { createPostWebhook } from '../../src/broker/webhooks/post-webhook.ts';
import { secret } from '../../src/domain/secret.ts';

/**
 * The senders of alarms and of webhooks with the runtime's own fetch and real servers: what becomes of a redirect is
 * decided there.
 */

const NOTICE = {
  id: 'alarm_1',
  code: 'cron_late',
  kind: 'raised',
  at: 1_781_514_200_000,
  since: 1_781_514_100_000,
  reason: 'x',
} as const;

/** A server on this machine; where it is, and what it was asked. */
const listen = async (answer: RequestListener) => {
  const asked: Pick<IncomingMessage, 'method' | 'url'>[] = [];
  const server = createServer((request, response) => {
    asked.push({ method: request.method, url: request.url });
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close().closeAllConnections();
  });
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
};

const send = (url: string) =>
  createAlarmWebhook({ url: secret(url), signingSecret: undefined }, fetch, () => NOTICE.at)(NOTICE);

test.each([301, 302, 303, 307, 308])(
  'an alarm that is answered with %i goes no further, and was not taken',
  async (status) => {
    const inner = await listen((_, response) => response.writeHead(200).end());
    const outer = await listen((_, response) =>
      response.writeHead(status, { Location: `${inner.url}/metadata` }).end(),
    );
    expect(await send(outer.url)).toBe(false);
    expect(outer.asked).toEqual([{ method: 'POST', url: '/' }]);
    expect(inner.asked).toEqual([]);
  },
);

test('an alarm that is answered with 2xx was taken', async () => {
  const outer = await listen((_, response) => response.writeHead(204).end());
  expect(await send(outer.url)).toBe(true);
});

test.each([301, 302, 303, 307, 308])('an app’s webhook that is answered with %i goes no further', async (status) => {
  const inner = await listen((_, response) => response.writeHead(200).end());
  const outer = await listen((_, response) => response.writeHead(status, { Location: `${inner.url}/metadata` }).end());
  const answer = await createPostWebhook(fetch, Date.now)(outer.url, {}, '{}');
  expect(answer.status).toBe(status);
  expect(outer.asked).toHaveLength(1);
  expect(inner.asked).toEqual([]);
});
