import { Webhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { vi } from 'vitest';

/** An event as a receiver gets it. */
export type Received = {
  id: string;
  type: string;
  timestamp: string;
  data: {
    app_id: string;
    user_id: string;
    sequence: number;
    reason?: string;
    groups?: number;
    changes?:
      | { user_id: string; group_id: number; deleted?: true; measurements?: { metric: string; value: number }[] }[]
      | null;
    read_from?: string;
  };
};
type Delivery = { url: string; headers: Headers; body: string; at: number };

/**
 * Receivers of webhooks behind the broker's `fetch`: every host below hooks.example.com. They keep what they get, and
 * answer what the test says.
 */
export const startReceivers = (now: () => number) => {
  const deliveries: Delivery[] = [];
  let answer: (delivery: Delivery) => Response | Promise<Response> = () => new Response(null, { status: 204 });
  const intercept =
    (send: typeof fetch): typeof fetch =>
    async (input, init) => {
      const url = String(input instanceof Request ? input.url : input);
      if (!new URL(url).hostname.endsWith('hooks.example.com')) return send(input, init);
      if (init?.redirect !== 'manual') throw new Error('a webhook must not follow redirects');
      const delivery = {
        url,
        headers: new Headers(init.headers),
        body: typeof init.body === 'string' ? init.body : '',
        at: now(),
      };
      deliveries.push(delivery);
      return answer(delivery);
    };
  return {
    intercept,
    deliveries,
    /** What was delivered to a URL, parsed; refused attempts too. */
    eventsAt: (url: string): Received[] =>
      deliveries.filter((one) => one.url === url).map(({ body }) => JSON.parse(body) as Received),
    answerWith: (next: typeof answer): void => {
      answer = next;
    },
  };
};

/**
 * Checks a delivery with the two well-known implementations of Standard Webhooks, as of the moment of the delivery;
 * throws if it is not genuine.
 */
export const verifyAsReceiver = (secret: string, { headers, body, at }: Delivery): void => {
  vi.useFakeTimers({ toFake: ['Date'], now: at });
  try {
    for (const Library of [Webhook, SvixWebhook]) new Library(secret).verify(body, Object.fromEntries(headers));
  } finally {
    vi.useRealTimers();
  }
};
