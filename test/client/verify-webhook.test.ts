import { Webhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, test, vi } from 'vitest';

import { verifyWebhook } from '../../src/client/webhooks.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=';
const OTHER = 'whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=';
const NOW = Date.now();

const event = {
  id: 'evt_1',
  type: 'user.erased',
  timestamp: '2026-06-15T07:30:05.000Z',
  data: { app_id: 'app_1', user_id: 'ada', sequence: 7 },
};
const body = JSON.stringify(event);

/** The headers of a delivery, made by the reference implementation. */
const signed = (text = body, { id = 'evt_1', at = NOW, secret = SECRET } = {}): Record<string, string> => ({
  'webhook-id': id,
  'webhook-timestamp': String(Math.floor(at / 1000)),
  'webhook-signature': new Webhook(secret).sign(id, new Date(at), text),
});
const verify = (
  headers: Record<string, string>,
  text = body,
  options: Partial<Parameters<typeof verifyWebhook>[2]> = {},
) => verifyWebhook(headers, text, { secret: SECRET, now: () => NOW, ...options });

describe('a request is refused', () => {
  const headers = signed();
  test.each([
    ['without an id', { ...headers, 'webhook-id': '' }, body, 'missing_headers'],
    ['without a time', { ...headers, 'webhook-timestamp': '' }, body, 'missing_headers'],
    ['with a time that is no number', { ...headers, 'webhook-timestamp': '1e9' }, body, 'missing_headers'],
    ['without a signature', { ...headers, 'webhook-signature': '' }, body, 'missing_headers'],
    ['with a signature of another version', { ...headers, 'webhook-signature': 'v2,AAAA' }, body, 'missing_headers'],
    ['from six minutes ago', signed(body, { at: NOW - 360_000 }), body, 'too_old'],
    ['from six minutes ahead', signed(body, { at: NOW + 360_000 }), body, 'too_old'],
    ['by another secret', signed(body, { secret: OTHER }), body, 'bad_signature'],
    ['with another body', headers, body.replace('ada', 'eve'), 'bad_signature'],
    ['with another id', { ...headers, 'webhook-id': 'evt_2' }, body, 'bad_signature'],
    [
      'with another time',
      { ...headers, 'webhook-timestamp': String(Math.floor(NOW / 1000) - 1) },
      body,
      'bad_signature',
    ],
    ['with a signature that is no base64', { ...headers, 'webhook-signature': 'v1,%%%' }, body, 'bad_signature'],
    ['whose body is no event', signed('[]'), '[]', 'not_an_event'],
    ['whose body names another event', signed(body, { id: 'evt_9' }), body, 'not_an_event'],
  ])('%s', async (_, headers, text, refusal) => {
    expect(await verify(headers, text)).toEqual({ ok: false, refusal });
  });

  test('once it was handled, and not before', async () => {
    const handled = new Set<string>();
    const isHandled = (id: string) => handled.has(id);
    for (let failed = 0; failed < 2; failed += 1) {
      expect(await verify(signed(), body, { isHandled })).toMatchObject({ ok: true });
    }
    handled.add(event.id);
    expect(await verify(signed(), body, { isHandled })).toEqual({ ok: false, refusal: 'replayed' });
  });

  test('without a look at its id, if it is forged', async () => {
    const asked: string[] = [];
    const isHandled = (id: string) => asked.push(id) > 0;
    await verify(signed(body, { secret: OTHER }), body, { isHandled });
    expect(asked).toEqual([]);
  });
});

test('a genuine one is read, from headers of either form and by either of two secrets', async () => {
  for (const secret of [SECRET, [OTHER, SECRET]]) {
    expect(await verify(signed(), body, { secret })).toEqual({ ok: true, event });
    expect(await verifyWebhook(new Headers(signed()), body, { secret, now: () => NOW })).toEqual({ ok: true, event });
  }
  const both = `${signed(body, { secret: OTHER })['webhook-signature']} ${signed()['webhook-signature']}`;
  expect(await verify({ ...signed(), 'webhook-signature': both })).toMatchObject({ ok: true });
});

/** Each throws, or answers with a refusal, for a request that it does not take at this time. */
const VERIFIERS: [string, (headers: Record<string, string>, text: string, at: number) => Promise<unknown>][] = [
  ['standardwebhooks', async (headers, text, at) => atTime(at, () => new Webhook(SECRET).verify(text, headers))],
  ['svix', async (headers, text, at) => atTime(at, () => new SvixWebhook(SECRET).verify(text, headers))],
  [
    'verifyWebhook',
    async (headers, text, at) => {
      const checked = await verify(headers, text, { now: () => at });
      if (!checked.ok) throw new Error(checked.refusal);
    },
  ],
];

const atTime = (now: number, check: () => unknown): void => {
  vi.useFakeTimers({ toFake: ['Date'], now });
  try {
    check();
  } finally {
    vi.useRealTimers();
  }
};

describe.each(VERIFIERS)('%s', (_, check) => {
  test('takes an event at once and after four minutes', async () => {
    await expect(check(signed(), body, NOW)).resolves.toBeUndefined();
    await expect(check(signed(), body, NOW + 240_000)).resolves.toBeUndefined();
  });

  test.each([
    ['forged', signed(body, { secret: OTHER }), body, NOW],
    ['changed', signed(), body.replace('ada', 'eve'), NOW],
    ['old', signed(body, { at: NOW - 360_000 }), body, NOW],
    ['recorded and sent again after six minutes', signed(), body, NOW + 360_000],
    [
      'sent again with a new time',
      { ...signed(), 'webhook-timestamp': String(Math.floor(NOW / 1000) + 360) },
      body,
      NOW + 360_000,
    ],
    ['sent again under a new id', { ...signed(), 'webhook-id': 'evt_2' }, body, NOW],
  ])('refuses an event that is %s', async (_what, headers, text, at) => {
    await expect(check(headers, text, at)).rejects.toThrow(/.+/);
  });
});

test('what the reference implementation signs, the other well-known one takes too, and nothing else', () => {
  expect(() => new SvixWebhook(SECRET).verify(body, signed())).not.toThrow();
  expect(() => new SvixWebhook(SECRET).verify(`${body} `, signed())).toThrow('signature');
});
