import { env } from 'cloudflare:workers';
import { expect, test, vi } from 'vitest';

import { compose } from '../../src/compose.ts';
import type { Bindings } from '../../src/config.ts';
import { mintCredential } from '../../src/crypto/credential.ts';
import { asAppId } from '../../src/domain/app-id.ts';
import type { LogEntry } from '../../src/domain/log.ts';
import { CLIENT_ID, CLIENT_SECRET, makeApp, startBroker } from '../support/broker.ts';

/** The log as the platform gets it: a line is an entry, and the sender of a request writes none of it. */

const FORGED = 'x\n{"level":"error","event":"alarm","outcome":"forged"}\r\n';

test.each(['info', 'warn', 'error'] as const)(
  'a log line of level %s cannot be forged by line breaks',
  async (level) => {
    const console = vi.spyOn(globalThis.console, level).mockImplementation(() => undefined);
    const composed = await compose(
      {
        DB: env.DB,
        LINKS: env.LINKS,
        KEYRING: JSON.stringify({ current: 'k', keys: { k: 'B'.repeat(43) } }),
        OPERATOR_TOKEN: await mintCredential('operator', (size) => new Uint8Array(size)),
        WITHINGS_CLIENT_ID: CLIENT_ID,
        WITHINGS_CLIENT_SECRET: CLIENT_SECRET,
        WITHINGS_API_URL: 'https://wbsapi.withings.net',
        WITHINGS_LOGIN_URL: 'https://account.withings.com',
      } satisfies Bindings,
      () => undefined,
    );
    if (!composed.ok) throw new Error(composed.failure);
    const entry: LogEntry = { level, event: 'bug', requestId: FORGED, reason: FORGED, appId: asAppId(FORGED) };
    composed.value.log(entry);
    const written = console.mock.lastCall ?? [];
    console.mockRestore();
    expect(written).toHaveLength(1);
    expect(written[0]).not.toMatch(/[\r\n]/);
    expect(JSON.parse(String(written[0]))).toEqual(entry);
  },
);

test('nothing of a path, a query, a header or a body stands in the log', async () => {
  const broker = await startBroker();
  const app = await makeApp(broker);
  broker.logs.length = 0;
  const planted = encodeURIComponent(`planted${FORGED}`);
  const headers = { 'X-API-Key': app.key, 'User-Agent': 'planted', 'X-Forwarded-For': 'planted', Accept: 'planted' };
  for (const path of [`/planted/${planted}`, `/apps/${planted}`, `/apps/${app.id}/withings/status/${planted}`]) {
    await broker.request(`${path}?planted=${planted}`, { headers });
  }
  await broker.request('/apps', { method: 'POST', headers, body: 'planted' });
  await broker.request(`/apps/${app.id}/withings/auth?user_id=planted&redirect_uri=${planted}`, { headers });
  await broker.request(`/withings/callback?state=${planted}&code=planted&error=planted`, { headers });
  expect(broker.logs.length).toBeGreaterThan(5);
  expect(JSON.stringify(broker.logs)).not.toMatch(/planted|forged/);
});
