import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { webhookSignature } from '../../src/crypto/webhook-signature.ts';
import type { AlarmCode } from '../../src/domain/alarm.ts';
import { secret } from '../../src/domain/secret.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';

/** What an operator is told of: once when it begins, again while it lasts, once when it is over, in the log and at a webhook. */

const HOOK = 'https://alerts.example.com/hook/s3cr3t';
const HOOK_SECRET = `whsec_${btoa('0123456789abcdef0123456789abcdef')}`;

type Told = { id: string; signature: string; timestamp: string; body: string };
const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;
let told: Told[];
let hookAnswers: () => Response;

beforeEach(async () => {
  await emptyTables();
  d1.failWhen(undefined);
  told = [];
  hookAnswers = () => new Response(null, { status: 204 });
  broker = await startBroker({
    bindings: {
      DB: d1.d1,
      ALERT_WEBHOOK_URL: HOOK,
      ALERT_WEBHOOK_SECRET: HOOK_SECRET,
      ALERT_REAUTH_SPIKE: '3',
      REFRESH_BATCH: '2',
    },
    fetch: (send) => async (input, init) => {
      if (input !== HOOK) return send(input, init);
      const headers = new Headers(init?.headers);
      const answer = hookAnswers();
      if (answer.ok) {
        told.push({
          id: headers.get('webhook-id') ?? '',
          signature: headers.get('webhook-signature') ?? '',
          timestamp: headers.get('webhook-timestamp') ?? '',
          body: typeof init?.body === 'string' ? init.body : '',
        });
      }
      return answer;
    },
  });
  app = await makeApp(broker);
});

const link = async (count: number) => {
  for (let user = 0; user < count; user += 1) await connect(broker, app, `user-${user}`, 'nora');
};
const sql = async (text: string, ...values: unknown[]) =>
  env.DB.prepare(text)
    .bind(...values)
    .run();
const typesTold = () =>
  told.map(({ body }) => {
    const { type, data } = JSON.parse(body) as { type: string; data: { code: string } };
    return `${data.code} ${type.replace('alarm.', '')}`;
  });
const logged = () =>
  broker.logs
    .filter(
      ({ event, outcome, appId }) => (event === 'alarm' || event === 'alarm_over') && appId === undefined && outcome,
    )
    .map(({ event, outcome }) => `${outcome} ${event === 'alarm' ? 'raised' : 'over'}`);
const askHealth = async () => {
  broker.advance(11_000);
  const answer = await broker.request('/healthz');
  await broker.settle();
  return answer.json<{ checks: Record<string, string> }>();
};
const tickAfter = async (ms: number) => {
  broker.advance(ms);
  await broker.tick();
};

let unreadable = 0;

/** How each alarm comes about and goes away; each leaves the broker as a look, a tick or a request, finds it. */
type Trouble = { begin: () => Promise<void>; look: () => Promise<unknown>; end: () => Promise<void> };
let endpoint = '';
const TROUBLES: { [Code in AlarmCode]: Trouble } = {
  cron_late: {
    begin: async () => {
      await link(1);
      await sql('UPDATE connections SET next_refresh_at = ?1', broker.now() - 30 * MINUTE_MS);
    },
    look: askHealth,
    end: async () => {
      await broker.tick();
      broker.advance(30 * MINUTE_MS);
    },
  },
  backlog_growing: {
    begin: async () => {
      await link(1);
      // Somebody's refresh that never gets its turn.
      await sql('UPDATE connections SET next_refresh_at = 1');
      await sql(
        `INSERT INTO request_budgets (name, empty_at) VALUES ('cron', ?1) ON CONFLICT (name) DO UPDATE SET empty_at = ?1`,
        broker.now() + 100 * MINUTE_MS,
      );
      await broker.tick();
      broker.advance(16 * MINUTE_MS);
    },
    look: () => broker.tick(),
    end: async () => {
      await sql('UPDATE connections SET next_refresh_at = ?1', broker.now() + DAY_MS);
    },
  },
  reauth_spike: {
    begin: async () => {
      await link(3);
      await sql(
        `UPDATE connections SET state = 'reauth_required', next_refresh_at = NULL, state_since = ?1`,
        broker.now(),
      );
    },
    look: () => broker.tick(),
    end: async () => broker.advance(HOUR_MS),
  },
  database_nearly_full: {
    begin: async () => {
      broker.deploy({ DATABASE_MAX_MB: '1' });
      await sql(
        `INSERT INTO broker_state (name, value, updated_at) VALUES ('filler', hex(zeroblob(500000)), 0) ON CONFLICT DO NOTHING`,
      );
    },
    look: () => broker.tick(),
    end: async () => broker.deploy({ DATABASE_MAX_MB: '500' }),
  },
  sealing_key_missing: {
    begin: async () => {
      const walk = { startedAt: 1, afterId: 1, counts: { k0: 1 }, resealed: 0, broken: 0 };
      const state = { keyId: 'k1', promotedAt: broker.now(), last: { ...walk, finishedAt: broker.now() } };
      await sql(`INSERT INTO broker_state (name, value, updated_at) VALUES ('keyring', ?1, 0)`, JSON.stringify(state));
    },
    look: () => broker.tick(),
    end: async () => {
      await sql(`DELETE FROM broker_state WHERE name = 'keyring'`);
    },
  },
  withings_unreadable: {
    begin: async () => {
      unreadable += 1;
      const user = `unreadable-${unreadable}`;
      const person = broker.simulator.state.people.add({
        id: user,
        userid: broker.simulator.state.people.nextUserid(),
        name: user,
        description: '',
        timezone: 'UTC',
      });
      const date = Math.floor(broker.now() / 1000) - 60;
      const measures = [{ value: 80.5, type: 1, unit: 0 }];
      const group = { attrib: 0, category: 1, deviceid: null, date, created: date, modified: date, measures };
      if (person !== null) broker.simulator.state.weighIns.addGroup(person, group);
      await connect(broker, app, user, user);
      await app.call('POST', `/withings/sync/${user}`);
      await broker.settle();
    },
    look: () => broker.tick(),
    end: async () => broker.advance(DAY_MS + 2 * HOUR_MS),
  },
  webhook_endpoint_disabled: {
    begin: async () => {
      const { id } = await makeApp(broker);
      const url = 'https://gone.example.com/hooks';
      const created = await broker.manage('POST', `/apps/${id}/webhooks`, { url });
      endpoint = `/apps/${id}/webhooks/${(await created.json<{ id: string }>()).id}`;
      await broker.manage('POST', `${endpoint}/test`);
      await broker.settle();
      await sql('UPDATE webhook_endpoints SET failing_since = ?1, due_at = 0', broker.now() - 6 * DAY_MS);
      await sql('UPDATE webhook_retries SET next_at = 0');
    },
    look: () => broker.tick(),
    end: async () => {
      await broker.manage('PATCH', endpoint, { disabled: false });
    },
  },
  withings_client_rejected: {
    begin: async () => {
      for (const client of broker.simulator.state.clients.values()) client.clientSecret = crypto.randomUUID();
    },
    look: async () => {
      await broker.manage('GET', '/operator/status');
      await broker.settle();
    },
    end: async () => {
      const [client] = broker.simulator.state.clients.values();
      broker.deploy({ WITHINGS_CLIENT_SECRET: client?.clientSecret ?? '' });
    },
  },
};

describe.each(Object.entries(TROUBLES))('%s', (code, { begin, look, end }) => {
  test('is told once, is told over, and is told again when it comes back', async () => {
    await look();
    expect(told).toEqual([]);
    await begin();
    await look();
    await look();
    expect(typesTold()).toEqual([`${code} raised`]);
    await end();
    await look();
    await look();
    expect(typesTold()).toEqual([`${code} raised`, `${code} over`]);
    await begin();
    await look();
    await look();
    const whole = [`${code} raised`, `${code} over`, `${code} raised`];
    expect(typesTold()).toEqual(whole);
    expect(logged()).toEqual(whole);
  });
});

test('a client that Withings refuses is told by the first link too, when nobody is connected yet', async () => {
  await TROUBLES.withings_client_rejected.begin();
  const ended = await connect(broker, app, 'ada', 'nora');
  expect(ended.headers.get('Location')).toContain('error=server_error');
  await broker.settle();
  expect(typesTold()).toEqual(['withings_client_rejected raised']);
  await connect(broker, app, 'ada', 'nora');
  await broker.settle();
  expect(told).toHaveLength(1);
});

describe('a cron that has nothing to do', () => {
  test('notes once an hour that it came, and writes nothing else', async () => {
    await broker.tick();
    d1.reset();
    for (let minute = 1; minute < 60; minute += 1) await tickAfter(MINUTE_MS);
    // Once an hour it looks for erasures, orphans, old audit entries, and dates that are too far ahead.
    expect([d1.calls(), d1.rowsWritten()]).toEqual([59 + 4, 0]);
    d1.reset();
    await tickAfter(MINUTE_MS);
    expect([d1.calls(), d1.rowsWritten()]).toEqual([2, 1]);
  });

  test('is told of when it stops, and not before it ever came', async () => {
    broker.advance(DAY_MS);
    expect(await askHealth()).toMatchObject({ checks: { cron: 'ok' } });
    await broker.tick();
    broker.advance(65 * MINUTE_MS);
    expect(await askHealth()).toMatchObject({ checks: { cron: 'ok' } });
    broker.advance(6 * MINUTE_MS);
    expect(await askHealth()).toMatchObject({ checks: { cron: 'failing' } });
    const status = await (await broker.manage('GET', '/operator/status')).json<{ cron: unknown }>();
    expect(status.cron).toMatchObject({ state: 'late', refreshes_due: 0 });
    expect(typesTold()).toEqual(['cron_late raised']);
    await broker.tick();
    expect(await askHealth()).toMatchObject({ checks: { cron: 'ok' } });
    expect(typesTold()).toEqual(['cron_late raised', 'cron_late over']);
  });
});

const { begin, look, end } = TROUBLES.sealing_key_missing;

describe('an alarm that lasts', () => {
  test('costs an idle tick nothing, and is told again after a day', async () => {
    await begin();
    await look();
    await tickAfter(DAY_MS - 2 * MINUTE_MS);
    d1.reset();
    await tickAfter(MINUTE_MS);
    expect([d1.calls(), d1.rowsWritten()]).toEqual([1, 0]);
    expect(typesTold()).toEqual(['sealing_key_missing raised']);
    await tickAfter(MINUTE_MS);
    await tickAfter(MINUTE_MS);
    expect(typesTold()).toEqual(['sealing_key_missing raised', 'sealing_key_missing still_on']);
  });

  test('stands on the operator’s status and page, since when and why', async () => {
    await begin();
    await look();
    const status = await (await broker.manage('GET', '/operator/status')).json<{ alarms: unknown }>();
    const since = new Date(broker.now()).toISOString();
    expect(status.alarms).toEqual([{ code: 'sealing_key_missing', since, reason: 'k0' }]);
  });

  test('is told by one of two ticks that meet it at once', async () => {
    await begin();
    await Promise.all([broker.tick(), broker.tick()]);
    expect(typesTold()).toEqual(['sealing_key_missing raised']);
    expect(logged()).toEqual(['sealing_key_missing raised']);
  });

  test('is a line of the log where its note cannot be kept, and is told by the next tick', async () => {
    await begin();
    d1.failWhen(({ statements }) =>
      statements.some((text) => text.includes('INSERT INTO broker_state')) ? 'refused' : undefined,
    );
    await look();
    expect(logged()).toEqual(['sealing_key_missing raised']);
    expect(told).toEqual([]);
    d1.failWhen(undefined);
    await look();
    expect(typesTold()).toEqual(['sealing_key_missing raised']);
  });
});

describe('the webhook', () => {
  test('is signed, and says what, why and since when, and nothing of anybody', async () => {
    await link(1);
    await begin();
    await look();
    const [{ id, signature, timestamp, body } = { id: '', signature: '', timestamp: '', body: '' }] = told;
    expect(signature).toBe(await webhookSignature(secret(HOOK_SECRET), { id, seconds: Number(timestamp), body }));
    expect(Number(timestamp)).toBe(Math.floor(broker.now() / 1000));
    expect(JSON.parse(body)).toEqual({
      type: 'alarm.raised',
      timestamp: new Date(broker.now()).toISOString(),
      data: { code: 'sealing_key_missing', since: new Date(broker.now()).toISOString(), reason: 'k0' },
      text: expect.stringContaining('sealing_key_missing (k0): Stored tokens need a key'),
    });
    expect(body).not.toMatch(/user-0|app_|nora/i);
    expect(JSON.stringify(broker.logs)).not.toContain('s3cr3t');
  });

  test.each([
    ['answers 500', () => new Response('', { status: 500 })],
    ['redirects', () => new Response('', { status: 302, headers: { Location: 'https://elsewhere.example.com' } })],
    [
      'is not reached',
      () => {
        throw new TypeError('fetch failed');
      },
    ],
  ])('that %s loses nothing: it is asked again, ever more rarely, with the same id', async (_, answer) => {
    let attempts = 0;
    hookAnswers = () => {
      attempts += 1;
      return answer();
    };
    await begin();
    await look();
    await end();
    for (let minute = 0; minute < 20; minute += 1) await tickAfter(MINUTE_MS);
    expect(attempts).toBeGreaterThan(4);
    expect(attempts).toBeLessThan(12);
    expect(logged()).toEqual(['sealing_key_missing raised', 'sealing_key_missing over']);
    expect(told).toEqual([]);
    hookAnswers = () => new Response(null, { status: 200 });
    for (let ticks = 0; ticks < 7; ticks += 1) await tickAfter(10 * MINUTE_MS);
    expect(typesTold()).toEqual(['sealing_key_missing raised', 'sealing_key_missing over']);
    expect(new Set(told.map(({ id }) => id)).size).toBe(2);
    d1.reset();
    await tickAfter(MINUTE_MS);
    expect([d1.calls(), d1.rowsWritten()]).toEqual([1, 0]);
  });

  test('that is none keeps no queue, and the log has it all', async () => {
    broker.deploy({ ALERT_WEBHOOK_URL: undefined, ALERT_WEBHOOK_SECRET: undefined });
    await begin();
    await look();
    expect(told).toEqual([]);
    expect(logged()).toEqual(['sealing_key_missing raised']);
    const kept = await env.DB.prepare(`SELECT value FROM broker_state WHERE name = 'alarms'`).first<string>('value');
    expect(JSON.parse(kept ?? '')).toMatchObject({ queue: [] });
  });
});
