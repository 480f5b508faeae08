import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { OPERATIONS } from '../../src/http/api/reference/operations.ts';
import worker from '../../src/worker.ts';
import {
  authPath,
  type Broker,
  connect,
  consent,
  emptyStorage,
  makeApp,
  openLink,
  startBroker,
  type TestApp,
  WOMOJI,
} from '../support/broker.ts';
import { type Front, revokeKeys, startFront } from '../support/front.ts';
import { limitedTo } from '../support/rate-limit.ts';

/** What the two Workers of an edge deployment have to agree on: the caller's address, and the keyring. */

let broker: Broker;
let app: TestApp;

beforeEach(async () => {
  await emptyStorage();
  broker = await startBroker({ bindings: { KEYRING: ring('k1', 'k1') } });
  app = await makeApp(broker);
});

const keys = {
  k1: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE',
  k2: 'AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI',
};
const ring = (current: keyof typeof keys, ...ids: (keyof typeof keys)[]): string =>
  JSON.stringify({ current, keys: Object.fromEntries(ids.map((id) => [id, keys[id]])) });

const frontWith = async (bindings: Parameters<typeof startFront>[1] = {}): Promise<Front> => {
  const front = await startFront(broker, bindings);
  await front.replicate();
  return front;
};

describe('Keys, revocations, callback and all that writes stay at the primary:', () => {
  const ELSEWHERE: [method: string, path: string][] = [
    ...OPERATIONS.filter(({ path }) => !path.endsWith('/withings/auth')).map(({ method, path }): [string, string] => [
      method.toUpperCase(),
      path,
    ]),
    ['HEAD', '/apps/{app_id}/withings/auth'],
    ['POST', '/apps/{app_id}/withings/auth'],
    ['HEAD', '/withings/callback'],
    ['POST', '/withings/notify/x'],
    ['GET', '/dashboard'],
    ['POST', '/dashboard/sign-in'],
    ['GET', '/nothing'],
  ];
  test('each other route is handed over as it came, and no replica is asked', async () => {
    const front = await frontWith();
    for (const [method, path] of ELSEWHERE) {
      const url = path.replace('{app_id}', app.id).replaceAll(/\{\w+\}/g, 'ada');
      const headers = { 'X-API-Key': app.key, 'CF-Connecting-IP': '203.0.113.7', 'CF-Ray': 'ray-1' };
      front.handedOver.length = 0;
      await front.request(url, { method, headers });
      const handed = front.handedOver.map((request) => [
        request.method,
        request.url,
        Object.fromEntries(request.headers),
      ]);
      const lowerCase = { 'x-api-key': app.key, 'cf-connecting-ip': '203.0.113.7', 'cf-ray': 'ray-1' };
      expect(handed).toEqual([[method, `https://broker.example.com${url}`, lowerCase]]);
    }
    expect([front.sessions, front.replica.calls()]).toEqual([[], 0]);
  });

  test('a revoked key is refused at the next request', async () => {
    await connect(broker, app, 'ada', 'nora');
    const front = await frontWith();
    const status = () => front.request(`/apps/${app.id}/withings/status/ada`, { headers: { 'X-API-Key': app.key } });
    expect((await status()).status).toBe(200);
    await revokeKeys(front.broker, app);
    expect((await status()).status).toBe(401);
  });
});

describe('the caller’s address', () => {
  const from = (front: Front, address: string, path: string, headers: Record<string, string> = {}) =>
    front.request(path, { headers: { 'CF-Connecting-IP': address, ...headers } });

  test('is the person’s for the placed Worker too: who comes back too often waits alone', async () => {
    broker.deploy({ CALLBACK_RATE: limitedTo(2, broker.now) });
    const front = await frontWith();
    const callback = '/withings/callback?code=abc&state=x';
    for (const status of [400, 400, 429]) expect((await from(front, '203.0.113.7', callback)).status).toBe(status);
    expect((await from(front, '203.0.113.8', callback)).status).toBe(400);
    // What a client says of itself changes nothing.
    const claimed = { 'X-Forwarded-For': '203.0.113.9', 'X-Real-IP': '203.0.113.9', Forwarded: 'for=203.0.113.9' };
    expect((await from(front, '203.0.113.7', callback, claimed)).status).toBe(429);
  });

  test('is counted by the front before it asks anybody', async () => {
    const front = await frontWith({ AUTH_RATE: limitedTo(2, broker.now) });
    for (const status of [302, 302, 429]) {
      expect((await from(front, '203.0.113.7', authPath(app, 'ada'))).status).toBe(status);
    }
    const limited = await from(front, '203.0.113.7', authPath(app, 'ada', 'womoji://unknown'));
    expect([limited.status, limited.headers.get('Retry-After')]).toEqual([429, '60']);
    // Two links, and the key once.
    expect([front.handedOver.length, front.replica.calls()]).toEqual([0, 3]);
    expect((await from(front, '203.0.113.8', authPath(app, 'ada'))).status).toBe(302);
  });
});

describe('the front', () => {
  test('is what the Worker is with a binding to a placed one', async () => {
    const front = await frontWith();
    const context = createExecutionContext();
    const request = new Request('https://broker.example.com/healthz') as Parameters<typeof worker.fetch>[0];
    const answer = await worker.fetch(request, front.bindings, context);
    await waitOnExecutionContext(context);
    expect([answer.status, front.handedOver.length]).toEqual([200, 1]);
  });

  test('holds neither the operator’s token nor the secret of the Withings client', async () => {
    const front = await frontWith({ OPERATOR_TOKEN: undefined, WITHINGS_CLIENT_SECRET: undefined });
    expect((await front.request(authPath(app, 'ada'))).status).toBe(302);
    expect(front.handedOver).toEqual([]);
  });

  test('that is set up wrong hands everything over, and the log says what is wrong', async () => {
    const front = await frontWith({ KEYRING: 'a-malformed-keyring' });
    expect((await front.request(authPath(app, 'ada'))).status).toBe(302);
    expect(front.handedOver).toHaveLength(1);
    const told = broker.logs.filter(({ event }) => event === 'alarm');
    expect(told).toEqual([expect.objectContaining({ outcome: 'bad_environment', reason: 'KEYRING is not JSON' })]);
  });
});

/** A link through the front, begun now; what ends it, and how. */
const begin = async (front: Front, userId: string) => {
  const { authorizeUrl, cookies } = await openLink(front.broker, authPath(app, userId));
  return async (): Promise<string | null> => {
    const url = await consent(broker, authorizeUrl, 'nora');
    return (await front.request(url, { headers: { Cookie: cookies } })).headers.get('Location');
  };
};

describe('a front whose keyring is not the placed Worker’s', () => {
  const told = () => broker.logs.filter(({ event }) => event === 'front');

  test.each([
    ['is newer', ring('k1', 'k1'), ring('k2', 'k1', 'k2')],
    ['was left behind', ring('k2', 'k2'), ring('k1', 'k1')],
    ['has other bytes under the same id', ring('k1', 'k1'), ring('k1', 'k1').replace(keys.k1, keys.k2)],
  ])('%s: it starts no link, the placed Worker does, and the log says so', async (_, ofPlaced, ofFront) => {
    broker.deploy({ KEYRING: ofPlaced });
    const front = await frontWith({ KEYRING: ofFront });
    const end = await begin(front, 'ada');
    expect(front.handedOver).toHaveLength(1);
    expect(told()).toEqual([expect.objectContaining({ outcome: 'handed_over', reason: 'signing_key_differs' })]);
    expect(await end()).toBe(WOMOJI);
  });

  test('nor one whose Withings client is not the placed Worker’s starts a link', async () => {
    const front = await frontWith({ WITHINGS_CLIENT_ID: 'replaced-in-the-placed-worker-only' });
    const end = await begin(front, 'ada');
    expect(front.handedOver).toHaveLength(1);
    expect(told()).toEqual([expect.objectContaining({ outcome: 'handed_over', reason: 'signing_key_differs' })]);
    expect(await end()).toBe(WOMOJI);
  });

  test('waits for the first tick behind a front, which writes the key down once', async () => {
    const front = await startFront(broker);
    expect((await front.request(authPath(app, 'ada'))).status).toBe(302);
    expect(front.handedOver).toHaveLength(1);
    const written = () =>
      env.DB.prepare("SELECT value, updated_at FROM broker_state WHERE name = 'signing_key'").first();
    await broker.tick();
    expect(await written()).toBeNull();
    broker.deploy({ BEHIND_FRONT: 'yes' });
    await broker.tick();
    const first = await written();
    expect(first?.['value']).toMatch(/^k1\.[0-9a-f]{64}$/);
    broker.advance(60_000);
    await broker.tick();
    expect(await written()).toEqual(first);
  });
});

test('the keyring is rotated, the placed Worker first, and each link under way ends well', async () => {
  const stages = [ring('k1', 'k1'), ring('k1', 'k1', 'k2'), ring('k2', 'k1', 'k2'), ring('k2', 'k2')];
  let front = await frontWith();
  let before = await begin(front, 'ada');
  // An hour passes between two stages, and a link lives for half of it: none is under way in three of them.
  for (const [stage, keyring] of stages.entries()) {
    broker.deploy({ KEYRING: keyring });
    const between = await begin(front, `between-${stage}`);
    expect(await before()).toBe(WOMOJI);
    front = await frontWith();
    expect(await between()).toBe(WOMOJI);
    before = await begin(front, `after-${stage}`);
  }
  expect(await before()).toBe(WOMOJI);
});
