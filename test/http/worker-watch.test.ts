import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Bindings } from '../../src/config.ts';
import { mintCredential } from '../../src/crypto/credential.ts';
import worker from '../../src/worker.ts';
import { CLIENT_ID, CLIENT_SECRET, connect, emptyTables, makeApp, startBroker } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';

/** What the Worker notices behind the answer to any request, and the cron cannot tell. */

const d1 = meterD1(env.DB);
const logged = vi.spyOn(console, 'error');
let bindings: Bindings;

beforeEach(async () => {
  await emptyTables();
  d1.failWhen(undefined);
  logged.mockReset();
  vi.useFakeTimers({ toFake: ['Date'] });
  bindings = {
    DB: d1.d1,
    LINKS: env.LINKS,
    KEYRING: JSON.stringify({ current: 'k1', keys: { k1: 'A'.repeat(43) } }),
    OPERATOR_TOKEN: await mintCredential('operator', (size) => crypto.getRandomValues(new Uint8Array(size))),
    WITHINGS_CLIENT_ID: CLIENT_ID,
    WITHINGS_CLIENT_SECRET: CLIENT_SECRET,
    WITHINGS_API_URL: 'https://wbsapi.withings.net',
    WITHINGS_LOGIN_URL: 'https://account.withings.com',
  } satisfies Bindings;
});
afterEach(() => vi.useRealTimers());

/** A request, and all that it left running behind its answer. */
const ask = async (): Promise<number> => {
  const context = createExecutionContext();
  const url = `https://broker.example.com/apps/app_${'0'.repeat(20)}/withings/auth?user_id=ada&redirect_uri=x://y`;
  const { status } = await worker.fetch(new Request(url), bindings, context);
  await waitOnExecutionContext(context);
  return status;
};
const alarms = () => logged.mock.calls.map(([line]) => JSON.parse(String(line)) as { event: string; outcome: string });

test('that the cron does not come', async () => {
  const broker = await startBroker();
  await connect(broker, await makeApp(broker), 'ada', 'nora');
  await env.DB.prepare('UPDATE connections SET next_refresh_at = 1').run();
  await ask();
  expect(alarms()).toEqual([]);
  vi.setSystemTime(Date.now() + 3 * 60_000);
  await ask();
  expect(alarms()).toContainEqual(expect.objectContaining({ event: 'alarm', outcome: 'cron_late' }));
});

test('that D1 refuses', async () => {
  d1.failWhen(() => new Error("D1_ERROR: Your account has exceeded D1's free tier daily row read limit"));
  expect(await ask()).toBe(503);
  expect(await ask()).toBe(503);
  const answered = alarms().filter(({ event }) => event === 'alarm');
  expect(answered).toEqual([expect.objectContaining({ outcome: 'database_failing', reason: 'used_up' })]);
});
