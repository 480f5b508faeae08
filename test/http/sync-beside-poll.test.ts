import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { connect, emptyTables, makeApp, startBroker } from '../support/broker.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const REFUSED = 'XRequestID: Not provided invalid_token: The access token provided is invalid';

test('a sync that waits for a poll does not fail for want of the poll’s share', async () => {
  await emptyTables();
  const [asked, mayGoOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let isPolling = false;
  const broker = await startBroker({
    fetch: (send) => async (input, init) => {
      if (isPolling && init?.body instanceof URLSearchParams && init.body.get('action') === 'getmeas') {
        isPolling = false;
        asked.resolve();
        await mayGoOn.promise;
      }
      return send(input, init);
    },
  });
  const app = await makeApp(broker);
  await connect(broker, app, 'ada', 'nora');
  await app.call('POST', '/withings/sync/ada');
  broker.advance(60 * MINUTE_MS);
  // The connection is due for a poll, which takes the last two requests of its share and needs one more.
  await env.DB.batch([
    env.DB.prepare('UPDATE connections SET next_review_at = ?1, last_sync_at = last_sync_at - ?2').bind(
      broker.now(),
      DAY_MS,
    ),
    env.DB.prepare("INSERT OR REPLACE INTO request_budgets VALUES ('review', ?1)").bind(broker.now() + 20_000),
  ]);
  broker.simulator.state.faults.add({ kind: 'status', status: 401, error: REFUSED, action: 'getmeas', times: 1 });
  isPolling = true;
  const ticking = broker.tick();
  await asked.promise;
  const synced = app.call('POST', '/withings/sync/ada');
  // It finds the poll's lease, and waits.
  await scheduler.wait(20);
  mayGoOn.resolve();
  expect((await synced).status).toBe(200);
  await ticking;
});
