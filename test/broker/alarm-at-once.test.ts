import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { alarmIfDatabaseFails } from '../../src/broker/operator/alarm-at-once.ts';
import { noticeLateCron } from '../../src/broker/operator/readiness.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/domain/time.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';

/**
 * What no stored alarm can tell: D1 fails, in which alarms are stored, and the cron does not come, which sends them.
 */

const HOOK = 'https://alerts.example.com/hook';
const USED_UP = "D1_ERROR: Your account has exceeded D1's free tier daily row write limit";

const d1 = meterD1(env.DB);
let broker: Broker;
let sent: string[];
let hookAnswers: number;

beforeEach(async () => {
  await emptyTables();
  d1.failWhen(undefined);
  sent = [];
  hookAnswers = 204;
  broker = await startBroker({
    bindings: { DB: d1.d1, ALERT_WEBHOOK_URL: HOOK },
    fetch: (send) => async (input, init) => {
      if (input !== HOOK) return send(input, init);
      const { data } = JSON.parse(typeof init?.body === 'string' ? init.body : '') as {
        data: { code: string; reason: string };
      };
      sent.push(`${data.code} ${data.reason}`);
      return new Response(null, { status: hookAnswers });
    },
  });
});

const alarms = () => broker.logs.filter(({ event }) => event === 'alarm').map(({ outcome }) => outcome);

describe('a D1 that fails', () => {
  test('for a moment is waited for by a tick, which then does its work, and is no alarm', async () => {
    const app = await makeApp(broker);
    await connect(broker, app, 'ada', 'nora');
    broker.advance(2 * HOUR_MS + 50 * MINUTE_MS);
    d1.reset();
    d1.failWhen(({ number }) => (number <= 3 ? 'refused' : undefined));
    await broker.tick();
    expect(broker.logs).toContainEqual(expect.objectContaining({ event: 'refresh', outcome: 'refreshed' }));
    expect([sent, alarms()]).toEqual([[], []]);
  });

  test('for as long as a tick waits is told at once, by the log and the webhook, and once an hour', async () => {
    d1.failWhen(() => 'refused');
    for (let minute = 0; minute < 59; minute += 1) {
      const startedAt = broker.now();
      await broker.tick();
      expect(broker.now() - startedAt).toBe(20 * SECOND_MS);
      broker.advance(40 * SECOND_MS);
    }
    expect([sent, alarms()]).toEqual([['database_failing transient'], ['database_failing']]);
    broker.advance(2 * MINUTE_MS);
    await broker.tick();
    expect(sent).toHaveLength(2);
  });

  test('is told again a minute later where the webhook did not take it', async () => {
    d1.failWhen(() => 'refused');
    hookAnswers = 500;
    await broker.tick();
    hookAnswers = 204;
    await broker.tick();
    expect(sent).toHaveLength(1);
    broker.advance(MINUTE_MS);
    await broker.tick();
    await broker.tick();
    expect(sent).toHaveLength(2);
  });

  test('by refusing for the day is not waited for, and told by the first tick, or request, that meets it', async () => {
    d1.failWhen(() => new Error(USED_UP));
    const startedAt = broker.now();
    await broker.tick();
    expect(broker.now()).toBe(startedAt);
    expect(sent).toEqual(['database_failing used_up']);
  });

  test('by refusing what is written is told although it answers what is read', async () => {
    const app = await makeApp(broker);
    await connect(broker, app, 'ada', 'nora');
    broker.advance(2 * HOUR_MS + 50 * MINUTE_MS);
    d1.failWhen(({ statements }) =>
      statements.some((sql) => !/^\s*select/i.test(sql)) ? new Error(USED_UP) : undefined,
    );
    await broker.tick();
    expect(sent).toEqual(['database_failing used_up']);
  });

  test('is told by requests too: not for one that was lost, but when none went well for a while', async () => {
    const app = await makeApp(broker);
    const ask = async () => {
      expect((await app.call('GET', '/withings/status/ada')).status).toBe(503);
      await alarmIfDatabaseFails(await broker.deps());
    };
    d1.failWhen(() => 'refused');
    await ask();
    d1.failWhen(undefined);
    expect((await app.call('GET', '/withings/status/ada')).status).toBe(200);
    // The note of the key's use.
    await broker.settle();
    broker.advance(MINUTE_MS);
    d1.failWhen(() => 'refused');
    await ask();
    expect(sent).toEqual([]);
    broker.advance(20 * SECOND_MS);
    await ask();
    await ask();
    expect(sent).toEqual(['database_failing transient']);
  });
});

describe('a cron that does not come', () => {
  const look = async () => noticeLateCron(await broker.deps());

  test('is noticed behind a request, by one round trip in two minutes and none at the first', async () => {
    const app = await makeApp(broker);
    await connect(broker, app, 'ada', 'nora');
    broker.advance(4 * HOUR_MS);
    d1.reset();
    await look();
    await look();
    expect(d1.calls()).toBe(0);
    broker.advance(2 * MINUTE_MS);
    await look();
    await broker.settle();
    expect(alarms()).toEqual(['cron_late']);
    d1.reset();
    await look();
    expect(d1.calls()).toBe(0);
    await broker.tick();
    expect(broker.logs).toContainEqual(expect.objectContaining({ event: 'alarm_over', outcome: 'cron_late' }));
  });
});
