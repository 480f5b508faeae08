import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';

/** A database that is nearly full has no room for histories, and for everything else; a full one says so. */

const MINUTE_MS = 60_000;
const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;

beforeEach(async () => {
  await emptyTables();
  d1.failWhen(undefined);
  broker = await startBroker({ bindings: { DB: d1.d1, DATABASE_MAX_MB: '2' } });
  // Tables leave pages behind that D1 counts; whatever they come to, this is below nine tenths.
  expect(await bytes()).toBeLessThan(1_500_000);
  app = await makeApp(broker);
});

const bytes = async (): Promise<number> => (await env.DB.prepare('SELECT 1').run()).meta.size_after;

const fill = async (): Promise<void> => {
  const missing = 1_850_000 - (await bytes());
  await env.DB.prepare(`INSERT INTO broker_state VALUES ('filler', hex(zeroblob(?1)), 0)`)
    .bind(Math.ceil(missing / 2))
    .run();
  expect(await bytes()).toBeGreaterThan(1_800_000);
};
const makeRoom = () => env.DB.prepare(`DELETE FROM broker_state WHERE name = 'filler'`).run();

const sync = async (user: string) => {
  broker.advance(MINUTE_MS);
  const answer = await app.call('POST', `/withings/sync/${user}`);
  return { status: answer.status, retryAfter: answer.headers.get('Retry-After'), ...(await answer.json<object>()) };
};
const stored = () => env.DB.prepare('SELECT count(*) AS n FROM measurements').first('n');
const requests = () => broker.simulator.state.calls.list().filter(({ action }) => action === 'getmeas').length;

describe('at nine tenths of its largest size', () => {
  test('a database takes no history, asks Withings for none, and goes on once there is room', async () => {
    await fill();
    await connect(broker, app, 'ada', 'nora');
    const [before, asked] = [await stored(), requests()];
    expect(await sync('ada')).toMatchObject({ status: 503, code: 'database_full', retryAfter: '3600' });
    expect([await stored(), requests()]).toEqual([before, asked]);
    await makeRoom();
    expect(await sync('ada')).toMatchObject({ status: 200, complete: true });
    expect(await stored()).not.toBe(before);
  });

  test('links, refreshes, reads, weigh-ins of a complete history and erasures go on', async () => {
    await connect(broker, app, 'bea', 'nora');
    await sync('bea');
    await fill();
    await connect(broker, app, 'ada', 'ines');
    expect(await (await app.call('GET', '/withings/status/ada')).json()).toEqual({ connected: true });
    const nora = broker.simulator.state.people.find('nora');
    if (nora !== undefined && nora !== null) broker.simulator.state.weighIns.add(nora, { weightKg: 68.4 });
    expect(await sync('bea')).toMatchObject({ status: 200, complete: true });
    expect(await (await app.call('GET', '/metrics/bea/latest')).json()).toMatchObject({
      data: { weight: { value: 68.4 } },
    });
    const refreshed = () => broker.logs.filter(({ event, outcome }) => event === 'refresh' && outcome === 'refreshed');
    broker.advance(3 * 60 * MINUTE_MS);
    await broker.tick();
    expect(refreshed().length).toBeGreaterThan(0);
    expect(await (await app.call('DELETE', '/users/bea')).json()).toMatchObject({ complete: true });
    expect(await stored()).toBe(0);
  });

  test('how full it is costs no round trip', async () => {
    await connect(broker, app, 'ada', 'nora');
    await sync('ada');
    broker.advance(MINUTE_MS);
    d1.reset();
    await sync('ada');
    const roomy = d1.calls();
    await fill();
    broker.advance(MINUTE_MS);
    d1.reset();
    await sync('ada');
    expect(d1.calls()).toBe(roomy);
  });
});

test('a full database is a failure with a code and an alarm of its own', async () => {
  d1.failWhen(() => new Error('D1_ERROR: Exceeded maximum DB size'));
  const answer = await app.call('GET', '/withings/status/ada');
  expect([answer.status, answer.headers.get('Retry-After')]).toEqual([503, '3600']);
  expect(await answer.json()).toMatchObject({ code: 'database_full' });
  await broker.tick();
  const alarms = broker.logs.filter(({ event }) => event === 'alarm').map(({ outcome }) => outcome);
  expect(alarms).toContain('database_full');
  expect(alarms).not.toContain('database_failing');
});
