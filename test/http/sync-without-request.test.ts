import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { meterFetch } from '../support/meters.ts';
import { codeOf } from '../support/problem.ts';

/** Syncs that are answered without a request to Withings, and what they cost. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const getmeas = { action: 'getmeas' } as const;

const d1 = meterD1(env.DB);
const sent = meterFetch();
let broker: Broker;
let app: TestApp;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker({ bindings: { DB: d1.d1, WITHINGS_TIMEOUT_MS: '500' }, fetch: sent.wrap });
  app = await makeApp(broker);
});

const sync = (userId = 'ada') => app.call('POST', `/withings/sync/${userId}`);
const weigh = () => {
  const person = broker.simulator.state.people.find('nora');
  if (person) broker.simulator.state.weighIns.add(person, { weightKg: 68.4, weightOnly: true });
};

describe('a sync that is refused costs no row written', () => {
  const refusedFor = async (answer: Promise<Response>): Promise<string> => {
    d1.reset();
    sent.reset();
    const code = await codeOf(await answer);
    expect([d1.rowsWritten(), sent.count()]).toEqual([0, 0]);
    return code;
  };

  test.each(['good', 'too old'])('because the share is used up, with a token that is %s', async (token) => {
    await connect(broker, app, 'ada', 'nora');
    await sync();
    broker.advance(token === 'good' ? MINUTE_MS : 4 * HOUR_MS);
    await broker.settle();
    // Notes when the key was used, which happens once an hour.
    await app.call('GET', '/withings/status/ada');
    await broker.settle();
    await env.DB.prepare("UPDATE request_budgets SET empty_at = ?1 WHERE name = 'sync'")
      .bind(broker.now() + MINUTE_MS)
      .run();
    expect(await refusedFor(sync())).toBe('429 withings_share_used');
  });

  test('because Withings asked to wait', async () => {
    await connect(broker, app, 'ada', 'nora');
    broker.simulator.state.faults.add({ ...getmeas, kind: 'status', status: 601, waitSeconds: 188 });
    await sync();
    expect(await refusedFor(sync())).toBe('503 withings_unavailable');
  });

  test('because the user has to connect again', async () => {
    await connect(broker, app, 'ada', 'nora');
    await env.DB.prepare("UPDATE connections SET state = 'reauth_required', state_reason = 'seal_broken'").run();
    expect(await refusedFor(sync())).toBe('409 reauth_required');
  });
});

describe('a sync within ten seconds of a complete one', () => {
  test('is answered at once: nothing added, the time of that one, no request and no row', async () => {
    await connect(broker, app, 'ada', 'nora');
    const first = await (await sync()).json<Record<string, unknown>>();
    expect(first).toMatchObject({ complete: true });
    weigh();
    await broker.settle();
    for (const pauseMs of [0, 4_000, 5_000]) {
      broker.advance(pauseMs);
      d1.reset();
      sent.reset();
      const again = await sync();
      expect(again.status).toBe(200);
      expect(await again.json()).toEqual({ ...first, added: 0, changed: 0, removed: 0 });
      expect([d1.rowsWritten(), sent.count()]).toEqual([0, 0]);
    }
    broker.advance(1_000);
    expect(await (await sync()).json()).toMatchObject({ added: 1 });
  });

  test('of one that was not, or failed, asks', async () => {
    await connect(broker, app, 'ada', 'walter');
    expect((await sync()).status).toBe(202);
    sent.reset();
    expect([200, 202]).toContain((await sync()).status);
    expect(sent.count()).toBeGreaterThan(0);
    broker.advance(MINUTE_MS);
    await connect(broker, app, 'bea', 'nora');
    broker.simulator.state.faults.add({ ...getmeas, kind: 'html', times: 20 });
    expect((await sync('bea')).status).toBe(503);
    broker.simulator.state.faults.clear();
    expect([200, 202]).toContain((await sync('bea')).status);
  });

  test('whose end an isolate dated a year ahead asks all the same', async () => {
    await connect(broker, app, 'ada', 'nora');
    await sync();
    await env.DB.prepare(
      "UPDATE connections SET last_sync_result = json_set(last_sync_result, '$.endedAt', ?1), sync_lease_id = 'dead', sync_lease_until = ?1",
    )
      .bind(broker.now() + 365 * 24 * HOUR_MS)
      .run();
    weigh();
    expect(await (await sync()).json()).toMatchObject({ added: 1 });
  });
});
