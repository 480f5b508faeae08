import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';

import type { Check } from '../../src/cli/check.ts';
import { runChecks } from '../../src/cli/checks.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { type Broker, connect, emptyTables, makeApp, ORIGIN, startBroker } from '../support/broker.ts';
import { makeDeveloper } from '../support/developer.ts';

/** What `mushu doctor` finds at a broker that really has the fault. */

let broker: Broker;

beforeEach(async () => {
  await emptyTables();
  await env.DB.prepare('UPDATE d1_migrations SET id = id - 1000 WHERE id > 1000').run();
  broker = await startBroker();
});

const examined = (credential: string | undefined = broker.operatorToken, now = broker.now): Promise<Check[]> =>
  runChecks({ url: ORIGIN, credential, fetch: broker.fetch }, now);
const wrong = (checks: Check[]): Check[] => checks.filter(({ ok }) => !ok);

const connectSomebody = async (): Promise<void> => {
  const [person] = broker.simulator.state.people.list();
  await connect(broker, await makeApp(broker), 'ada', person?.id ?? '');
};

test('a broker that is well has nothing to mend, for its operator and for a developer', async () => {
  await connectSomebody();
  const checks = await examined();
  expect(checks.filter(({ todo }) => todo !== undefined)).toEqual([]);
  expect(checks.map(({ check }) => check)).toEqual([
    'broker',
    'links',
    'callback',
    'notify',
    'phone',
    'token',
    'clock',
    'cron',
    'withings',
    'keyring',
    'migrations',
  ]);
  const developer = await makeDeveloper(broker);
  expect(await examined(developer.token)).toEqual([
    expect.objectContaining({ check: 'broker', ok: true }),
    { check: 'links', ok: true, found: 'ok' },
    expect.objectContaining({ check: 'callback', ok: true }),
    expect.objectContaining({ check: 'notify', ok: true }),
    expect.objectContaining({ check: 'phone', ok: true }),
    { check: 'token', ok: true, found: 'Developer' },
  ]);
});

test.each([
  {
    name: 'credentials that Withings rejects',
    check: 'withings',
    found: 'rejected',
    todo: 'set WITHINGS_CLIENT_ID and WITHINGS_CLIENT_SECRET again',
    break: async () => broker.deploy({ WITHINGS_CLIENT_SECRET: '0bad'.repeat(16) }),
  },
  {
    name: 'a keyring without a key that tokens need',
    check: 'keyring',
    found: 'lacks k1',
    todo: 'Put the missing keys back into KEYRING',
    break: async () => {
      broker.deploy({ KEYRING: JSON.stringify({ current: 'k9', keys: { k9: 'A'.repeat(43) } }) });
      await broker.tick();
    },
  },
  {
    name: 'a cron that does not come',
    check: 'cron',
    found: 'late, 1 due',
    todo: 'check that the cron trigger is deployed',
    break: async () => broker.advance(3 * HOUR_MS),
  },
  {
    name: 'a migration that was not applied',
    check: 'broker',
    found: 'The database lacks migrations',
    todo: '`npm run deploy`',
    break: async () => env.DB.prepare("UPDATE d1_migrations SET id = id + 1000 WHERE name = '0000_first.sql'").run(),
  },
  {
    name: 'a KV that does not answer',
    check: 'links',
    found: 'failing',
    todo: 'check the LINKS binding',
    break: async () => {
      const get = () => Promise.reject(new Error('KV GET failed: 503'));
      broker.deploy({ LINKS: new Proxy(env.LINKS, { get: () => get }) });
    },
  },
  {
    name: 'many people who are lost',
    check: 'alarm',
    found: 'reauth_spike since 20',
    todo: 'docs/operating.md',
    break: async () => {
      const lost = JSON.stringify({ since: broker.now(), toldAt: broker.now(), reason: '12 within an hour' });
      await env.DB.prepare("INSERT INTO broker_state (name, value, updated_at) VALUES ('alarms', ?1, ?2)")
        .bind(`{"open":{"reauth_spike":${lost}},"queue":[]}`, broker.now())
        .run();
    },
  },
])('$name: one line says so, and what to do', async (fault) => {
  await connectSomebody();
  await fault.break();
  const [line, ...others] = wrong(await examined());
  expect(others).toEqual([]);
  expect(line).toMatchObject({ check: fault.check, found: expect.stringContaining(fault.found) });
  expect(line?.todo).toContain(fault.todo);
});

test('a clock that is off is told by how much', async () => {
  const late = () => broker.now() + 5 * MINUTE_MS;
  expect(wrong(await examined(broker.operatorToken, late))).toEqual([
    { check: 'clock', ok: false, found: '300 s apart', todo: 'Correct the clock of this machine.' },
  ]);
});

test('requests that take long are not taken for a clock that is off', async () => {
  let now = broker.now();
  const slow: typeof fetch = async (input, init) => {
    const response = await broker.fetch(input, init);
    const dated = new Response(response.body, response);
    dated.headers.set('Date', new Date(now).toUTCString());
    if (!new Request(input).url.endsWith('/healthz')) now += MINUTE_MS;
    return dated;
  };
  const checks = await runChecks({ url: ORIGIN, credential: broker.operatorToken, fetch: slow }, () => now);
  expect(checks.find(({ check }) => check === 'clock')).toMatchObject({ ok: true });
});

test('a token that is over ends the examination there', async () => {
  const developer = await makeDeveloper(broker);
  await broker.manage('DELETE', `/accounts/${developer.accountId}/tokens/${developer.tokenId}`);
  const checks = await examined(developer.token);
  expect(wrong(checks)).toEqual([checks.at(-1)]);
  expect(checks.at(-1)).toMatchObject({ check: 'token', todo: expect.stringContaining('mushu login') });
  expect(checks.at(-1)?.found).toContain('invalid_access_token');
});
