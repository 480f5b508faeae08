import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { MINUTE_MS, SECOND_MS } from '../../src/domain/time.ts';
import { closeQuota } from '../../src/store/tokens/withings-quota.ts';
import {
  authPath,
  type Broker,
  connect,
  consent,
  emptyTables,
  makeApp,
  startBroker,
  type TestApp,
  WOMOJI,
} from '../support/broker.ts';
import { browserOf } from '../support/browser.ts';

/**
 * Links have a part of Withings' requests a minute of their own, which anybody may use up: then links wait, and nothing
 * else does.
 */

const SHARE = 20;
let broker: Broker;
let app: TestApp;
let people: string[];
/** When a code was sent to Withings. */
let exchanges: number[];

beforeEach(async () => {
  await emptyTables();
  exchanges = [];
  let clock = () => 0;
  broker = await startBroker({
    bindings: { LINK_REQUESTS_PER_MINUTE: String(SHARE) },
    fetch: (send) => (input, init) => {
      const body = init?.body instanceof URLSearchParams ? init.body : new URLSearchParams();
      if (body.get('grant_type') === 'authorization_code') exchanges.push(clock());
      return send(input, init);
    },
  });
  clock = broker.now;
  app = await makeApp(broker);
  people = [...broker.simulator.state.people.list()].map(({ id }) => id);
});

/** A link up to the URL that Withings sends the browser back to, and that browser. */
const consented = async (userId: string, url = authPath(app, userId)) => {
  const browser = browserOf(broker);
  const callback = await consent(broker, await browser(url), people[0] ?? '');
  return () => browser(callback);
};
/** As after a flood that goes on: nothing of the quota is left for a minute. */
const useUp = async (): Promise<void> => {
  const { db, settings } = await broker.deps();
  await closeQuota(db, 'link', settings.shares.link, broker.now() + MINUTE_MS, broker.now());
};
/** Links that end at once. */
const flood = async (links: number): Promise<string[]> => {
  const callbacks = await Promise.all(
    Array.from({ length: links }, (_, index) => consented(`nobody ${index}`.replace(' ', '-'))),
  );
  return Promise.all(callbacks.map((finish) => finish()));
};

test('in no minute are more codes sent than the quota allows, however many links end', async () => {
  const began = broker.now();
  for (let rounds = 0; rounds < 6; rounds += 1) await flood(12);
  for (const from of exchanges) {
    expect(exchanges.filter((at) => at >= from && at < from + MINUTE_MS).length).toBeLessThanOrEqual(SHARE);
  }
  // And no fewer than a person who waits may count on.
  expect(exchanges.length).toBeGreaterThan(((broker.now() - began) / MINUTE_MS) * SHARE * 0.5);
});

test('a burst of links waits its turn and ends well', async () => {
  const before = broker.now();
  const ends = await flood(11);
  expect(ends).toEqual(Array(11).fill(WOMOJI));
  expect(broker.now() - before).toBeGreaterThan(0);
  expect(broker.now() - before).toBeLessThan(15 * SECOND_MS);
});

describe('a link whose quota is used up', () => {
  test('ends at the app as not possible just now; its code is not sent, and another link goes through a little later', async () => {
    const finish = await consented('ada');
    await useUp();
    const sent = exchanges.length;
    expect(await finish()).toContain(`${WOMOJI}?error=temporarily_unavailable&`);
    expect(await finish()).toContain(`${WOMOJI}?error=temporarily_unavailable&`);
    expect(exchanges).toHaveLength(sent);
    expect(broker.logs).toContainEqual(expect.objectContaining({ event: 'link', reason: 'withings_quota_used' }));
    broker.advance(2 * MINUTE_MS);
    expect((await connect(broker, app, 'ada', people[0] ?? '')).headers.get('Location')).toBe(WOMOJI);
  });

  test('leaves its connect session as good as before, and used by the next link', async () => {
    const url = await app.sessionLink('ada');
    const finish = await consented('ada', url);
    await useUp();
    // The second time is a reload, which uses nothing up either.
    for (let times = 0; times < 2; times += 1) expect(await finish()).toContain('error=temporarily_unavailable');
    broker.advance(2 * MINUTE_MS);
    expect(await (await consented('ada', url))()).toBe(WOMOJI);
    expect(await (await consented('ada', url))()).toContain('error=link_not_allowed');
  });

  test('does not give a session back that another link has used', async () => {
    const url = await app.sessionLink('ada');
    const [first, second, third] = [
      await consented('ada', url),
      await consented('ada', url),
      await consented('ada', url),
    ];
    expect(await first()).toBe(WOMOJI);
    await useUp();
    expect(await second()).toContain('error=link_not_allowed');
    broker.advance(2 * MINUTE_MS);
    expect(await third()).toContain('error=link_not_allowed');
  });

  test('a made-up code costs the links’ quota and nobody else’s: syncs and refreshes go on', async () => {
    await connect(broker, app, 'honest', people[1] ?? '');
    await app.call('POST', '/withings/sync/honest');
    broker.advance(4 * 60 * MINUTE_MS);
    const sentBefore = exchanges.length;
    for (let second = 0; second < 60; second += 1) {
      for (let links = 0; links < 3; links += 1) {
        const at = await browserOf(broker)(authPath(app, 'nobody'));
        const state = new URL(at).searchParams.get('state') ?? '';
        await broker.request(`/withings/callback?code=${crypto.randomUUID()}&state=${state}`);
      }
      broker.advance(SECOND_MS);
    }
    expect(exchanges.length - sentBefore).toBeGreaterThan(SHARE / 2);
    // With an access token that is too old: a refresh, and what it is for.
    expect([200, 202]).toContain((await app.call('POST', '/withings/sync/honest')).status);
    const refreshes = broker.logs.filter(({ event, outcome }) => event === 'refresh' && outcome === 'refreshed');
    expect(refreshes.length).toBeGreaterThan(0);
    expect(await env.DB.prepare("SELECT count(*) AS n FROM connections WHERE user_id = 'nobody'").first('n')).toBe(0);
  });
});
