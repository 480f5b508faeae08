import { beforeEach, describe, expect, test } from 'vitest';

import {
  authPath,
  type Broker,
  connect,
  consent,
  cookiesOf,
  emptyTables,
  makeApp,
  startBroker,
  type TestApp,
  WOMOJI,
} from '../support/broker.ts';
import { limitedTo } from '../support/rate-limit.ts';

/**
 * Links with made-up codes from a few addresses, as fast as they may come: with the limits of `wrangler.toml` and the
 * default shares.
 */

let broker: Broker;
let app: TestApp;
/** Codes that were sent to Withings. */
let codes: number;

/** Half of the default share of links. */
const AT_ONCE = 7;
const STRANGERS = ['203.0.113.1', '203.0.113.2', '203.0.113.3'];

beforeEach(async () => {
  await emptyTables();
  codes = 0;
  let clock = () => 0;
  const now = () => clock();
  broker = await startBroker({
    bindings: { LINK_REQUESTS_PER_MINUTE: undefined, AUTH_RATE: limitedTo(10, now), APP_RATE: limitedTo(600, now) },
    fetch: (send) => (input, init) => {
      if (init?.body instanceof URLSearchParams && init.body.get('grant_type') === 'authorization_code') codes += 1;
      return send(input, init);
    },
  });
  clock = broker.now;
  app = await makeApp(broker);
});

/** Opens a link from an address and finishes it with a made-up code; how it ended. */
const madeUp = async (address: string): Promise<string> => {
  const headers = { 'CF-Connecting-IP': address };
  const link = await broker.request(authPath(app, 'nobody'), { headers });
  const state = new URL(link.headers.get('Location') ?? 'none:').searchParams.get('state');
  if (state === null) return `${link.status}`;
  const end = await broker.request(`/withings/callback?code=${crypto.randomUUID()}&state=${state}`, { headers });
  return new URL(end.headers.get('Location') ?? 'none:').searchParams.get('error') ?? `${end.status}`;
};
/** A link whose person is at Withings; finishing it answers where the browser was sent. */
const consented = async (userId: string, address: string) => {
  const headers = { 'CF-Connecting-IP': address };
  const opened = await broker.request(authPath(app, userId), { headers });
  const callback = await consent(broker, opened.headers.get('Location') ?? '', 'walter');
  return async () =>
    (await broker.request(callback, { headers: { ...headers, Cookie: cookiesOf(opened) } })).headers.get('Location');
};

describe('a minute of links with made-up codes from three addresses', () => {
  const flood = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      for (const address of STRANGERS) await madeUp(address);
      broker.advance(1_000);
    }
  };

  test('leaves an honest sync and an honest link what they need', async () => {
    await connect(broker, app, 'honest', 'nora');
    await app.call('POST', '/withings/sync/honest');
    broker.advance(5 * 60_000);
    codes = 0;
    await flood(60);
    expect(codes).toBeGreaterThan(0);
    expect(codes).toBeLessThan(60);
    expect((await app.call('POST', '/withings/sync/honest')).status).toBe(200);
    expect(await (await consented('newcomer', '198.51.100.7'))()).toBe(WOMOJI);
  });

  test('while it comes, an honest link waits for some seconds and ends well', async () => {
    await flood(4);
    const finish = await consented('newcomer', '198.51.100.7');
    const before = broker.now();
    expect(await finish()).toBe(WOMOJI);
    expect(broker.now()).toBeGreaterThan(before);
    expect(broker.now() - before).toBeLessThanOrEqual(10_000);
  });
});

test('one address waits twice a minute for its turn at Withings; then it is told at once to start again', async () => {
  const ends: string[] = [];
  const waits: number[] = [];
  for (let links = 0; links < AT_ONCE; links += 1) ends.push(await madeUp('203.0.113.1'));
  expect(new Set(ends)).toEqual(new Set(['code_rejected']));
  for (let links = 0; links < 4; links += 1) {
    const before = broker.now();
    ends.push(await madeUp('203.0.113.2'));
    waits.push(broker.now() - before);
  }
  expect(ends.slice(AT_ONCE)).toEqual([
    'code_rejected',
    'code_rejected',
    'temporarily_unavailable',
    'temporarily_unavailable',
  ]);
  expect(waits.map((ms) => ms > 0)).toEqual([true, true, false, false]);
  expect(codes).toBe(AT_ONCE + 2);
});
