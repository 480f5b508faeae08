import { env } from 'cloudflare:workers';

import { ALARMS, type StoredAlarm } from '../../src/domain/alarm.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from './broker.ts';
import { type D1Meter, meterD1 } from './d1-meter.ts';
import { notificationsRefused } from './notifications-refused.ts';
import { addBareGroup, addPerson } from './people.ts';

/** A broker whose alarms go to a webhook, and what brings each alarm about. */

const HOOK = 'https://alerts.example.com/hook/s3cr3t';
export const HOOK_SECRET = `whsec_${btoa('0123456789abcdef0123456789abcdef')}`;

type Notice = { id: string; signature: string; timestamp: string; body: string };

/** The operator's endpoint behind the broker's `fetch`. It keeps the notices that it accepts. */
const startHook = () => {
  const sent: Notice[] = [];
  let answer = (): Response => new Response(null, { status: 204 });
  const intercept =
    (send: typeof fetch): typeof fetch =>
    async (input, init) => {
      if (input !== HOOK) return send(input, init);
      const headers = new Headers(init?.headers);
      const answered = answer();
      if (answered.ok) {
        sent.push({
          id: headers.get('webhook-id') ?? '',
          signature: headers.get('webhook-signature') ?? '',
          timestamp: headers.get('webhook-timestamp') ?? '',
          body: typeof init?.body === 'string' ? init.body : '',
        });
      }
      return answered;
    };
  return {
    sent,
    intercept,
    answerWith: (next: () => Response): void => {
      answer = next;
    },
  };
};

/** Starts it on empty tables, with an app. */
export const startAlarms = async (d1: D1Meter = meterD1(env.DB)) => {
  await emptyTables();
  d1.failWhen(undefined);
  const hook = startHook();
  const broker = await startBroker({
    bindings: {
      DB: d1.d1,
      ALERT_WEBHOOK_URL: HOOK,
      ALERT_WEBHOOK_SECRET: HOOK_SECRET,
      ALERT_REAUTH_SPIKE: '3',
      REFRESH_BATCH: '2',
    },
    fetch: hook.intercept,
  });
  const app = await makeApp(broker);
  const link = async (count: number) => {
    for (let user = 0; user < count; user += 1) await connect(broker, app, `user-${user}`, 'nora');
  };
  const askHealth = async () => {
    broker.advance(11_000);
    const answer = await broker.request('/healthz');
    await broker.settle();
    return answer.json<{ checks: Record<string, string> }>();
  };
  return {
    broker,
    app,
    link,
    askHealth,
    troubles: troublesOf({ broker, app, link, askHealth }),
    sent: hook.sent,
    answerWith: hook.answerWith,
    sentTypes: () =>
      hook.sent.map(({ body }) => {
        const { type, data } = JSON.parse(body) as { type: string; data: { code: string } };
        return `${data.code} ${type.replace('alarm.', '')}`;
      }),
    logged: () =>
      broker.logs
        .filter(
          ({ event, outcome, appId }) =>
            (event === 'alarm' || event === 'alarm_over') && appId === undefined && outcome,
        )
        .map(({ event, outcome }) => `${outcome} ${event === 'alarm' ? 'raised' : 'over'}`),
    tickAfter: async (ms: number) => {
      broker.advance(ms);
      await broker.tick();
    },
  };
};
export type Alarms = Awaited<ReturnType<typeof startAlarms>>;

const sql = async (text: string, ...values: unknown[]) =>
  env.DB.prepare(text)
    .bind(...values)
    .run();

type Trouble = { begin: () => Promise<void>; look: () => Promise<unknown>; end: () => Promise<void> };
type On = { broker: Broker; app: TestApp; link: (count: number) => Promise<void>; askHealth: () => Promise<unknown> };

/** Those that are not sent at once because the database fails. */
export const STORED_ALARMS = Object.keys(ALARMS).filter(
  (code): code is StoredAlarm =>
    code !== 'database_failing' && code !== 'database_full' && code !== 'tokens_not_stored',
);

/** How each alarm comes about and goes away. Each leaves the broker as a look, a tick or a request, finds it. */
const troublesOf = (on: On): { [Code in StoredAlarm]: Trouble } => ({
  cron_late: cronLate(on),
  backlog_growing: backlogGrowing(on),
  reauth_spike: reauthSpike(on),
  database_nearly_full: databaseNearlyFull(on),
  sealing_key_missing: sealingKeyMissing(on),
  withings_unreadable: withingsUnreadable(on),
  notifications_refused: notificationsRefused(on),
  webhook_endpoint_disabled: webhookEndpointDisabled(on),
  withings_client_rejected: withingsClientRejected(on),
});

const cronLate = ({ broker, link, askHealth }: On): Trouble => ({
  begin: async () => {
    await link(1);
    await sql('UPDATE connections SET next_refresh_at = ?1', broker.now() - 30 * MINUTE_MS);
  },
  look: askHealth,
  end: async () => {
    await broker.tick();
    broker.advance(30 * MINUTE_MS);
  },
});

const backlogGrowing = ({ broker, link }: On): Trouble => ({
  begin: async () => {
    await link(1);
    // A refresh that never gets its turn.
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
});

const reauthSpike = ({ broker, link }: On): Trouble => ({
  begin: async () => {
    await link(3);
    await sql(
      `UPDATE connections SET state = 'reauth_required', next_refresh_at = NULL, state_since = ?1`,
      broker.now(),
    );
  },
  look: () => broker.tick(),
  end: async () => broker.advance(HOUR_MS),
});

const databaseNearlyFull = ({ broker }: On): Trouble => ({
  begin: async () => {
    broker.deploy({ DATABASE_MAX_MB: '1' });
    await sql(
      `INSERT INTO broker_state (name, value, updated_at) VALUES ('filler', hex(zeroblob(500000)), 0) ON CONFLICT DO NOTHING`,
    );
  },
  look: () => broker.tick(),
  end: async () => broker.deploy({ DATABASE_MAX_MB: '500' }),
});

const sealingKeyMissing = ({ broker }: On): Trouble => ({
  begin: async () => {
    const walk = { startedAt: 1, afterId: 1, counts: { k0: 1 }, resealed: 0, broken: 0 };
    const state = { keyId: 'k1', promotedAt: broker.now(), last: { ...walk, finishedAt: broker.now() } };
    await sql(`INSERT INTO broker_state (name, value, updated_at) VALUES ('keyring', ?1, 0)`, JSON.stringify(state));
  },
  look: () => broker.tick(),
  end: async () => {
    await sql(`DELETE FROM broker_state WHERE name = 'keyring'`);
  },
});

const withingsUnreadable = ({ broker, app }: On): Trouble => {
  let people = 0;
  return {
    begin: async () => {
      people += 1;
      const user = `unreadable-${people}`;
      addBareGroup(broker, addPerson(broker, user, 'UTC'), {
        date: Math.floor(broker.now() / 1000) - 60,
        measures: [{ value: 80.5, type: 1, unit: 0 }],
      });
      await connect(broker, app, user, user);
      await app.call('POST', `/withings/sync/${user}`);
      await broker.settle();
    },
    look: () => broker.tick(),
    end: async () => broker.advance(DAY_MS + 2 * HOUR_MS),
  };
};

const webhookEndpointDisabled = ({ broker }: On): Trouble => {
  let endpoint = '';
  return {
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
  };
};

const withingsClientRejected = ({ broker }: On): Trouble => ({
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
});
