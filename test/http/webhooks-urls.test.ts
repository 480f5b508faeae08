import { beforeEach, describe, expect, test } from 'vitest';

import { startWebhookWorld, URL_A, type WebhookWorld } from '../support/webhook-world.ts';

/** Where webhooks may go, and how many there may be. */

let world: WebhookWorld;
beforeEach(async () => {
  world = await startWebhookWorld();
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
    const answer = await world.broker.manage('POST', `/apps/${world.app.id}/webhooks`, { url });
    expect(answer.status).toBe(422);
    const problem = await answer.json<{ code: string; detail: string }>();
    expect(problem.code).toBe('webhook_url_not_allowed');
    expect(problem.detail).toContain(words);
  });

  test('by a change too, which leaves the endpoint where it was', async () => {
    const hook = await world.addWebhook(world.app, URL_A);
    const answer = await world.broker.manage('PATCH', hook.path, { url: 'https://127.0.0.1/hook' });
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ code: 'webhook_url_not_allowed' });
    expect(await (await world.broker.manage('GET', hook.path)).json()).toMatchObject({ url: URL_A });
  });

  test('beyond five, however many come at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 9 }, (_, index) =>
        world.broker.manage('POST', `/apps/${world.app.id}/webhooks`, { url: `https://hooks.example.com/${index}` }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(4);
  });

  test('by whoever may not manage the app', async () => {
    const byKey = await world.app.call('POST', '/webhooks', { url: URL_A });
    expect(byKey.status).toBe(401);
  });
});
