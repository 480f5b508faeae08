import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describe, expect, onTestFinished, test } from 'vitest';

import { createSender, urlBelow } from '../../src/withings/send.ts';

const config = { apiBaseUrl: 'https://api.test', timeoutMs: 5_000, maxBodyBytes: 1_000 };
const form = { action: 'getmeas' };

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Sends one form to a stand-in for Withings that answers (or fails) like this. */
const sendTo = async (
  answer: (request: RequestInit) => Response | Promise<Response>,
  bounds: Partial<typeof config> = {},
) => createSender({ ...config, ...bounds }, async (_url, init) => answer(init as RequestInit))('/measure', form);

describe('time limit', () => {
  const soon = { timeoutMs: 5 };

  test('a host that never answers is a timeout, in doubt', async () => {
    const outcome = await sendTo(async () => new Promise(() => {}), soon);
    expect(outcome).toEqual({ ok: false, failure: { kind: 'timeout', inDoubt: true } });
  });

  test('a fetch that honours the signal is a timeout all the same', async () => {
    const outcome = await sendTo(
      async ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason as Error));
        }),
      soon,
    );
    expect(outcome).toEqual({ ok: false, failure: { kind: 'timeout', inDoubt: true } });
  });

  test('a body that never ends is a timeout, though its headers came at once', async () => {
    const outcome = await sendTo(
      () => new Response(new ReadableStream({ type: 'bytes', pull: async () => new Promise(() => {}) })),
      soon,
    );
    expect(outcome).toEqual({ ok: false, failure: { kind: 'timeout', inDoubt: true } });
  });

  test('bytes that trickle in do not extend it', async () => {
    let isOver = false;
    const trickle = new ReadableStream({
      type: 'bytes',
      pull: async (controller) => {
        await new Promise((resolve) => setTimeout(resolve, 0));
        if (isOver) controller.close();
        else controller.enqueue(bytes(' '));
      },
    });
    const outcome = await sendTo(() => new Response(trickle), {
      ...soon,
      maxBodyBytes: Number.MAX_SAFE_INTEGER,
    });
    isOver = true;
    expect(outcome).toEqual({ ok: false, failure: { kind: 'timeout', inDoubt: true } });
  });
});

describe('byte limit', () => {
  test('a body beyond it is given up, and its stream cancelled', async () => {
    let cancelled = false;
    let pulled = 0;
    const endless = new ReadableStream({
      type: 'bytes',
      pull: (controller) => {
        pulled += 1;
        controller.enqueue(bytes('x'.repeat(100)));
      },
      cancel: () => {
        cancelled = true;
      },
    });
    const outcome = await sendTo(() => new Response(endless));
    expect(outcome).toEqual({ ok: false, failure: { kind: 'body_too_large', inDoubt: true } });
    expect(cancelled).toBe(true);
    expect(pulled).toBeLessThan(20);
  });

  test('counts bytes, not characters', async () => {
    expect(await sendTo(() => new Response('é'.repeat(501)))).toMatchObject({
      failure: { kind: 'body_too_large' },
    });
  });

  test('lets a body of just that size through', async () => {
    const text = 'x'.repeat(1_000);
    expect(await sendTo(() => new Response(text))).toEqual({ ok: true, value: { httpStatus: 200, text } });
  });
});

describe('failures of the connection', () => {
  test('a refused connection is network, in doubt', async () => {
    const outcome = await sendTo(async () => Promise.reject(new TypeError('fetch failed')));
    expect(outcome).toEqual({ ok: false, failure: { kind: 'network', inDoubt: true } });
  });

  test('a connection lost in the middle of the body is network, in doubt', async () => {
    const broken = new ReadableStream({
      type: 'bytes',
      start: (controller) => {
        controller.enqueue(bytes('{"status":0,'));
      },
      pull: (controller) => {
        controller.error(new TypeError('terminated'));
      },
    });
    expect(await sendTo(() => new Response(broken))).toEqual({
      ok: false,
      failure: { kind: 'network', inDoubt: true },
    });
  });
});

test('a redirect is not followed, wherever it leads', async () => {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(307, { Location: '/inner' }).end();
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const apiBaseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const outcome = await createSender({ ...config, apiBaseUrl }, fetch)('/measure', form);
  expect(outcome).toEqual({ ok: true, value: { httpStatus: 307, text: '' } });
  expect(asked).toEqual(['/measure']);
});

describe('what is delivered', () => {
  test.each([301, 302, 307, 308, 404, 429, 500, 502, 503])(
    'of HTTP %i only the status, its body unread and released',
    async (status) => {
      let cancelled = false;
      const body = new ReadableStream({
        cancel: () => {
          cancelled = true;
        },
      });
      const outcome = await sendTo(
        () => new Response(body, { status, headers: { location: 'https://elsewhere.test/' } }),
      );
      expect(outcome).toEqual({ ok: true, value: { httpStatus: status, text: '' } });
      expect(cancelled).toBe(true);
    },
  );

  test('an empty body is empty text', async () => {
    expect(await sendTo(() => new Response(null))).toEqual({
      ok: true,
      value: { httpStatus: 200, text: '' },
    });
  });

  test('a text of several reads is whole, and a character at their border', async () => {
    // The second byte of each é is at an even place, as the end of a read is.
    const text = `x${'é'.repeat(100_000)}`;
    expect(await sendTo(() => new Response(text), { maxBodyBytes: 200_001 })).toMatchObject({ value: { text } });
    expect(await sendTo(() => new Response(text), { maxBodyBytes: 200_000 })).toMatchObject({
      failure: { kind: 'body_too_large' },
    });
  });

  test('a character split between two chunks is whole', async () => {
    const [first, ...rest] = bytes('é');
    const split = new ReadableStream({
      type: 'bytes',
      start: (controller) => {
        controller.enqueue(Uint8Array.of(first ?? 0));
        controller.enqueue(Uint8Array.from(rest));
        controller.close();
      },
    });
    expect(await sendTo(() => new Response(split))).toMatchObject({ value: { text: 'é' } });
  });
});

test('a path stands below its base, whether that ends in a slash or has a path of its own', () => {
  expect(urlBelow('https://api.test', '/measure').href).toBe('https://api.test/measure');
  expect(urlBelow('https://api.test/', '/measure').href).toBe('https://api.test/measure');
  expect(urlBelow('http://127.0.0.1:9000/withings/', '/measure').href).toBe('http://127.0.0.1:9000/withings/measure');
});
