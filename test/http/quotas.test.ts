import { beforeEach, describe, expect, test } from 'vitest';

import { pace } from '../../src/store/tokens/withings-quota.ts';
import {
  authPath,
  type Broker,
  connect,
  emptyTables,
  makeApp,
  openLink,
  startBroker,
  type TestApp,
} from '../support/broker.ts';

/** What Withings' 120 requests a minute are divided into: a flood of one kind pushes out nothing of another. */

const MINUTE_MS = 60_000;

let broker: Broker;
let app: TestApp;
let sent: URLSearchParams[];

beforeEach(async () => {
  await emptyTables();
  sent = [];
  broker = await startBroker({
    bindings: { LINK_REQUESTS_PER_MINUTE: undefined },
    fetch: (send) => async (input, init) => {
      if (init?.body instanceof URLSearchParams) sent.push(init.body);
      return send(input, init);
    },
  });
  app = await makeApp(broker);
});

const asked = (name: string, value: string) => sent.filter((form) => form.get(name) === value).length;

/** Opens a link and finishes it with a made-up code. */
const madeUpLink = async () => {
  const { authorizeUrl } = await openLink(broker, authPath(app, 'nobody'));
  const state = new URL(authorizeUrl).searchParams.get('state') ?? '';
  return broker.request(`/withings/callback?code=${crypto.randomUUID()}&state=${state}`);
};

test('the shares together are what Withings allows', async () => {
  const { settings } = await broker.deps();
  const shares = Object.values(settings.shares).map(({ requestsPerMinute }) => requestsPerMinute);
  expect(shares.reduce((sum, one) => sum + one, 0)).toBe(120);
});

describe('links with made-up codes', () => {
  test('ask Withings no more than their share, and nobody else waits for it', async () => {
    await connect(broker, app, 'honest', 'nora');
    broker.advance(4 * 60 * MINUTE_MS);
    sent = [];
    for (let seconds = 0; seconds < 30; seconds += 1) {
      // Those that wait for their turn move the clock.
      await Promise.all([madeUpLink(), madeUpLink(), madeUpLink()]);
      broker.advance(1_000);
    }
    const { requestsPerMinute } = (await broker.deps()).settings.shares.link;
    const minutes = Math.ceil((broker.now() - Date.UTC(2026, 5, 15, 16)) / MINUTE_MS);
    expect(asked('grant_type', 'authorization_code')).toBeLessThanOrEqual(minutes * requestsPerMinute);
    expect((await app.call('POST', '/withings/sync/honest')).status).toBe(200);
    await broker.tick();
    expect(broker.logs.filter(({ event, outcome }) => event === 'refresh' && outcome === 'failed')).toEqual([]);
  });

  test('let an honest link wait at worst', async () => {
    for (let links = 0; links < 10; links += 1) await madeUpLink();
    const before = broker.now();
    const linked = await connect(broker, app, 'newcomer', 'walter');
    expect(linked.headers.get('Location')).not.toContain('error');
    expect(broker.now()).toBeGreaterThan(before);
    expect(broker.now() - before).toBeLessThanOrEqual(10_000);
  });

  test('end with an error and no request where the wait would be too long for the code', async () => {
    const endings = await Promise.all(Array.from({ length: 20 }, madeUpLink));
    const waiting = endings.filter((one) => one.headers.get('Location')?.includes('temporarily_unavailable'));
    expect(waiting.length).toBeGreaterThan(0);
    expect(asked('grant_type', 'authorization_code')).toBe(20 - waiting.length);
  });
});

describe('a flood of syncs', () => {
  test('by one app leaves the others their syncs', async () => {
    const other = await makeApp(broker, 'Other');
    const flooders = Array.from({ length: 12 }, (_, index) => `flood-${index}`);
    for (const user of flooders) {
      await connect(broker, app, user, 'nora');
      broker.advance(MINUTE_MS);
    }
    await connect(broker, other, 'bob', 'ines');
    await other.call('POST', '/withings/sync/bob');
    broker.advance(5 * MINUTE_MS);
    let refused = 0;
    let flooded = 0;
    for (let second = 0; second < 120; second += 1) {
      for (const index of [0, 1]) {
        const user = flooders[(2 * second + index) % flooders.length];
        if ((await app.call('POST', `/withings/sync/${user}`)).status === 429) flooded += 1;
      }
      if (second % 15 === 14 && (await other.call('POST', '/withings/sync/bob')).status !== 200) refused += 1;
      broker.advance(1_000);
    }
    expect(flooded).toBeGreaterThan(0);
    expect(refused).toBe(0);
  });

  test('that uses up their share does not hold up those that the cron goes on with', async () => {
    await connect(broker, app, 'long', 'walter');
    expect((await app.call('POST', '/withings/sync/long')).status).toBe(202);
    broker.advance(2 * MINUTE_MS);
    const { db } = await broker.deps();
    await db.d1
      .prepare("UPDATE request_budgets SET empty_at = ?1 WHERE name = 'sync'")
      .bind(broker.now() + 30 * MINUTE_MS)
      .run();
    expect((await app.call('POST', '/withings/sync/long')).status).toBe(202);
    const before = asked('action', 'getmeas');
    broker.advance(2 * MINUTE_MS);
    await broker.tick();
    expect(asked('action', 'getmeas')).toBeGreaterThan(before);
  });

  test('that leaves one request at a time lets a sync get on whose token Withings has rejected', async () => {
    await connect(broker, app, 'ada', 'ines');
    expect((await app.call('POST', '/withings/sync/ada')).status).toBe(200);
    broker.advance(MINUTE_MS);
    for (const { pairs } of broker.simulator.state.grants.all()) for (const pair of pairs) pair.accessDead = true;
    const { db, settings } = await broker.deps();
    const { burstMs, intervalMs } = pace('sync', settings.shares.sync);
    sent = [];
    const syncWithOneRequest = async () => {
      await db.d1
        .prepare("INSERT OR REPLACE INTO request_budgets (name, empty_at) VALUES ('sync', ?1)")
        .bind(broker.now() + burstMs - intervalMs)
        .run();
      await db.d1.prepare("DELETE FROM request_budgets WHERE name LIKE 'sync:%'").run();
      return (await app.call('POST', '/withings/sync/ada')).status;
    };
    // The request that is rejected, the refresh, and the page.
    expect(await syncWithOneRequest()).toBe(429);
    expect(await syncWithOneRequest()).toBe(429);
    expect(await syncWithOneRequest()).toBe(200);
    expect(asked('grant_type', 'refresh_token')).toBe(1);
    expect(asked('action', 'getmeas')).toBe(2);
  });
});
