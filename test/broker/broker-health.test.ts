import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';

import { type BrokerHealth, showBrokerActivity, showBrokerHealth } from '../../src/broker/operator/operator-report.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker } from '../support/broker.ts';

let broker: Broker;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker();
});

const health = async (): Promise<BrokerHealth> => {
  const shown = await showBrokerHealth(await broker.deps());
  if (!shown.ok) throw new Error(shown.failure.kind);
  return shown.value;
};

test('an empty broker keeps up, and nothing waits or fails', async () => {
  expect(await health()).toMatchObject({
    cron: 'keeping_up',
    backlog: { due: 0, inDoubt: 0, oldestDueAt: undefined },
    failing: [],
    lost: [],
    keyring: { missingKeyIds: [] },
  });
});

test('a cron that does not come is late by what waits for it, and keeps up again after a tick', async () => {
  const app = await makeApp(broker);
  const [person] = [...broker.simulator.state.people.list()];
  await connect(broker, app, 'ada', person?.id ?? '');
  broker.advance(3 * HOUR_MS);
  expect(await health()).toMatchObject({ cron: 'late', backlog: { due: 1 } });
  await broker.tick();
  expect(await health()).toMatchObject({ cron: 'keeping_up', backlog: { due: 0 } });
});

test('syncs and refreshes are counted by day over all apps', async () => {
  for (const name of ['One', 'Two']) {
    const app = await makeApp(broker, name);
    await connect(broker, app, 'ada', 'nora');
    await app.call('POST', '/withings/sync/ada');
  }
  broker.advance(24 * HOUR_MS);
  await broker.tick();
  const activity = await showBrokerActivity(await broker.deps());
  if (!activity.ok) throw new Error(activity.failure.kind);
  expect(activity.value.sampleOf).toBeUndefined();
  expect(activity.value.days).toHaveLength(30);
  const [yesterday, today] = activity.value.days.slice(-2);
  expect([yesterday?.synced, yesterday?.refreshed, today?.refreshed]).toEqual([2, 0, 2]);
});

test('what fails and who is lost is counted by reason', async () => {
  const app = await makeApp(broker);
  const [person] = [...broker.simulator.state.people.list()];
  for (const userId of ['ada', 'bob', 'cleo']) await connect(broker, app, userId, person?.id ?? '');
  await env.DB.batch([
    env.DB.prepare(
      `UPDATE connections SET refresh_failures = 2, last_failure_kind = 'timeout', next_refresh_at = ?1 WHERE user_id = 'ada'`,
    ).bind(broker.now() + 20 * MINUTE_MS),
    env.DB.prepare(
      `UPDATE connections SET state = 'reauth_required', state_reason = 'refresh_token_rejected', next_refresh_at = NULL,
         state_since = ?1 WHERE user_id = 'bob'`,
    ).bind(broker.now()),
  ]);
  expect(await health()).toMatchObject({
    failing: [{ reason: 'timeout', count: 1 }],
    lost: [{ reason: 'refresh_token_rejected', count: 1 }],
  });
});
