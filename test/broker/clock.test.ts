import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, until } from '../support/refreshing.ts';

/** One isolate's clock is far ahead: what it does and writes loses no connection. */

let broker: Broker;
let app: TestApp;
const d1 = meterD1(env.DB);

/** The same database and the same Withings, seen by an isolate whose clock is ahead. */
const isolateAhead = (aheadMs: number, fetched: (body: string) => Promise<void> = async () => undefined) =>
  startBroker({
    aheadMs,
    startAt: broker.now(),
    bindings: { DB: d1.d1, OPERATOR_TOKEN: broker.operatorToken },
    fetch: () => async (input, init) => {
      await fetched(init?.body instanceof URLSearchParams ? init.body.toString() : '');
      return broker.simulator.fetch(input, init);
    },
  });

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker();
  app = await makeApp(broker);
});

const rowOf = () =>
  env.DB.prepare('SELECT * FROM connections').first<{
    state: string;
    next_refresh_at: number;
    token_version: number;
  }>();
const worksFor = async (days: number) => {
  for (let hours = 0; hours < 24 * days; hours += 1) {
    broker.advance(HOUR_MS);
    await broker.tick();
    // Once an hour a tick looks for dates that no code meant.
    broker.advance((47 - (Math.floor(broker.now() / MINUTE_MS) % 60)) * MINUTE_MS);
    await broker.tick();
  }
  return (await app.call('POST', '/withings/sync/ada')).status;
};

describe.each([10 * HOUR_MS, 400 * DAY_MS])('an isolate that is %i ms ahead', (aheadMs) => {
  test('ticks by the database’s clock, and the log tells', async () => {
    await connect(broker, app, 'ada', 'nora');
    broker.advance(3 * HOUR_MS);
    const ahead = await isolateAhead(aheadMs);
    await ahead.tick();
    expect(ahead.logs).toContainEqual(
      expect.objectContaining({ event: 'tick', outcome: 'clock_corrected', reason: 'ahead', durationMs: aheadMs }),
    );
    const row = await rowOf();
    expect(row?.token_version).toBe(2);
    expect(row?.next_refresh_at).toBeLessThan(broker.now() + 46 * DAY_MS);
  });

  test('sweeps nothing that is still needed', async () => {
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'confirm' });
    await connect(broker, app, 'ada', 'nora');
    const pending = () => env.DB.prepare('SELECT count(*) AS n FROM pending_connections').first('n');
    const claims = () => env.DB.prepare('SELECT count(*) AS n FROM claims').first('n');
    const before = [await pending(), await claims()];
    await (await isolateAhead(aheadMs)).tick();
    expect([await pending(), await claims()]).toEqual(before);
  });

  test.each(['tick', 'sync'])('that dies in the middle of a refresh by a %s leaves it to the next tick', async (by) => {
    await connect(broker, app, 'ada', 'nora');
    broker.advance(3 * HOUR_MS);
    let sent = false;
    const ahead = await isolateAhead(aheadMs, async (body) => {
      if (!body.includes('grant_type=refresh_token')) return;
      // Withings rotates the tokens; the isolate never hears of it.
      sent = true;
      await broker.simulator.fetch('https://wbsapi.withings.net/v2/oauth2', {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body,
      });
      await new Promise(() => undefined);
    });
    void (by === 'tick'
      ? ahead.tick()
      : ahead.request(`/apps/${app.id}/withings/sync/ada`, { method: 'POST', headers: { 'X-API-Key': app.key } }));
    await until(() => sent);
    broker.advance(3 * MINUTE_MS);
    await broker.tick();
    expect((await rowOf())?.token_version).toBe(2);
    broker.advance(9 * HOUR_MS);
    expect(await worksFor(1)).toBe(200);
  });

  test('that sets its clock right while it answers logs no negative duration', async () => {
    await connect(broker, app, 'ada', 'nora');
    broker.advance(3 * HOUR_MS);
    const ahead = await isolateAhead(aheadMs);
    const path = `/apps/${app.id}/withings/sync/ada`;
    expect((await ahead.request(path, { method: 'POST', headers: { 'X-API-Key': app.key } })).status).toBe(200);
    const [line] = ahead.logs.filter(({ event }) => event === 'request');
    expect(line?.durationMs).toBeGreaterThanOrEqual(0);
  });

  test('links somebody whose tokens are kept alive all the same', async () => {
    const ahead = await isolateAhead(aheadMs);
    await connect({ ...ahead, simulator: broker.simulator }, app, 'ada', 'nora');
    expect(await worksFor(1)).toBe(200);
    const row = await rowOf();
    expect(row?.state).toBe('active');
    expect(row?.next_refresh_at).toBeLessThan(broker.now() + 46 * DAY_MS);
  });
});
