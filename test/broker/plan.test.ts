import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';

import { connect, emptyTables, makeApp, startBroker } from '../support/broker.ts';
import { meterD1, untilStorageIsIdle } from '../support/d1-meter.ts';

/** What the plan decides: how much one tick does, and how much of it at once. */

const CONNECTIONS = 40;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const d1 = meterD1(env.DB);

beforeEach(async () => {
  await emptyTables();
  d1.failWhen(undefined);
});

/** A broker with as many connections due, which counts the refreshes that are under way at Withings. */
const startDue = async (bindings: Record<string, string>) => {
  const refreshes = { underWay: 0, most: 0, sent: 0 };
  const broker = await startBroker({
    bindings: { DB: d1.d1, CRON_REQUESTS_PER_MINUTE: '600', LINK_REQUESTS_PER_MINUTE: '600', ...bindings },
    settings: { callsPerMinute: 10_000 },
    fetch: (send) => async (input, init) => {
      const isRefresh = init?.body instanceof URLSearchParams && init.body.get('grant_type') === 'refresh_token';
      if (!isRefresh) return send(input, init);
      refreshes.sent += 1;
      refreshes.underWay += 1;
      refreshes.most = Math.max(refreshes.most, refreshes.underWay);
      // What else the tick begins, it begins now.
      await untilStorageIsIdle();
      refreshes.underWay -= 1;
      return send(input, init);
    },
  });
  const app = await makeApp(broker);
  for (let number = 0; number < CONNECTIONS; number += 1) {
    await connect(broker, app, `user-${number}`, 'nora');
    broker.advance(1_000);
  }
  broker.advance(2 * HOUR_MS + 50 * MINUTE_MS);
  d1.reset();
  return { broker, refreshes };
};

const refreshed = async () =>
  (await env.DB.prepare('SELECT count(*) AS n FROM connections WHERE token_version = 2').first<number>('n')) ?? 0;

test('the paid plan refreshes all that is due in one tick, six at a time', async () => {
  const { broker, refreshes } = await startDue({ PLAN: 'paid' });
  await broker.tick();
  expect(await refreshed()).toBe(CONNECTIONS);
  expect(refreshes.most).toBe(6);
  // A trip for each, which stores one pair and leases the next, and a few for the tick and each of the six.
  expect(d1.calls()).toBeLessThanOrEqual(2 * CONNECTIONS + 12);
});

test('the free plan refreshes eight, one after the other, within the calls of an invocation', async () => {
  const { broker, refreshes } = await startDue({});
  await broker.tick();
  expect(await refreshed()).toBe(8);
  expect(refreshes.most).toBe(1);
  expect(d1.calls()).toBeLessThanOrEqual(45);
});

test('a setting of its own wins over the plan', async () => {
  const { broker } = await startDue({ PLAN: 'paid', REFRESH_BATCH: '7' });
  await broker.tick();
  expect(await refreshed()).toBe(7);
});

test('when Withings is down, those beside each other end the batch, and none is left leased that was not sent', async () => {
  const { broker, refreshes } = await startDue({ PLAN: 'paid' });
  broker.simulator.state.faults.add({ kind: 'http_503', times: CONNECTIONS });
  await broker.tick();
  expect(await refreshed()).toBe(0);
  expect(refreshes.sent).toBeLessThanOrEqual(2 * 6);
  const inDoubt = await env.DB.prepare('SELECT count(*) AS n FROM connections WHERE in_doubt_since IS NOT NULL').first(
    'n',
  );
  expect(inDoubt).toBeLessThanOrEqual(refreshes.sent);
});

test.each([
  [{}, 500, 4, 20_000],
  [{ PLAN: 'paid' }, 10_000, 10, 100_000],
  [{ PLAN: 'paid', DATABASE_MAX_MB: '700', SYNC_PAGES_PER_SLICE: '2' }, 700, 2, 100_000],
])('of %j follow the sizes', async (bindings, megabytes, pages, values) => {
  const broker = await startBroker({ bindings });
  const { settings } = await broker.deps();
  expect(settings.alarms.databaseMaxBytes).toBe(megabytes * 1_000_000);
  expect([settings.pagesPerSlice, settings.summarizedValues]).toEqual([pages, values]);
});

test.each([
  ['free', '14', false],
  ['free', '13', true],
  ['paid', '14', true],
  ['paid', '401', false],
  ['gratis', '10', false],
])('on the plan %s a batch of %s is valid: %s', async (PLAN, REFRESH_BATCH, isValid) => {
  const isTaken = await startBroker({ bindings: { PLAN, REFRESH_BATCH } })
    .then((broker) => broker.deps())
    .then(
      () => true,
      () => false,
    );
  expect(isTaken).toBe(isValid);
});
