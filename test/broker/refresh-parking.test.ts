import { beforeEach, describe, expect, test } from 'vitest';

import { emptyStorage } from '../support/broker.ts';
import { byCron, bySync, expectNobodyLogsIn, haveOutage, kv, outcomes, startOutage } from '../support/d1-outage.ts';
import { dumpKv } from '../support/dump.ts';
import { DAY_MS, HOUR_MS, LEASE_MS, MINUTE_MS } from '../support/refreshing.ts';

/** D1 refuses from the moment at which Withings has answered a refresh: the new pair waits in KV until D1 takes it. */

beforeEach(async () => {
  await emptyStorage();
  kv.fail();
  kv.reset();
});

const OUTAGES = [
  { name: 'an hour', forMs: HOUR_MS },
  { name: '9 hours', forMs: 9 * HOUR_MS },
  { name: 'two days', forMs: 2 * DAY_MS },
];

describe.each([byCron, bySync])('D1 refuses the pair that a $by has got', (path) => {
  test.each(OUTAGES)('for $name: nobody logs in again', async ({ forMs }) => {
    const refreshing = await startOutage(path);
    await haveOutage(refreshing, path.act, forMs);
    expect(kv.operations.filter((operation) => operation === 'put')).toHaveLength(1);
    expect(outcomes(refreshing)).toContain('parked');
    await expectNobodyLogsIn(refreshing);
    expect(outcomes(refreshing)).toContain('recovered');
    expect(await dumpKv()).toEqual({});
  });

  test.each(OUTAGES)('for $name, and it is a sync that comes first', async ({ forMs }) => {
    const refreshing = await startOutage(path);
    await haveOutage(refreshing, path.act, forMs);
    refreshing.broker.advance(LEASE_MS);
    expect((await refreshing.sync('nora')).status).toBe(200);
    await expectNobodyLogsIn(refreshing);
  });

  test('and KV is slow to take it: it is tried again', async () => {
    const refreshing = await startOutage(path);
    let left = 2;
    kv.failWhen((operation) => operation === 'put' && left-- > 0);
    await haveOutage(refreshing, path.act, 9 * HOUR_MS);
    await expectNobodyLogsIn(refreshing);
  });

  test('as does KV, for an hour: the token before still works', async () => {
    const refreshing = await startOutage(path);
    kv.fail('put', 'get');
    await haveOutage(refreshing, path.act, HOUR_MS);
    kv.fail();
    await expectNobodyLogsIn(refreshing);
  });

  test.each(OUTAGES.slice(1))(
    'as does KV, for $name: the operator is told at once, and the person asked',
    async ({ forMs }) => {
      const refreshing = await startOutage(path);
      kv.fail('put', 'get');
      await haveOutage(refreshing, path.act, forMs);
      expect(refreshing.notices).toContain('tokens_not_stored');
      kv.fail();
      refreshing.broker.advance(LEASE_MS);
      await refreshing.broker.tick();
      expect(await refreshing.rowOf('nora')).toMatchObject({ state: 'reauth_required' });
    },
  );

  test('and KV answers no longer when D1 does: nothing is sent that would end the connection', async () => {
    const refreshing = await startOutage(path);
    await haveOutage(refreshing, path.act, 9 * HOUR_MS);
    kv.fail('get');
    refreshing.broker.advance(LEASE_MS);
    await refreshing.broker.tick();
    expect([refreshing.refreshes(), (await refreshing.rowOf('nora')).state]).toEqual([0, 'active']);
    kv.fail();
    refreshing.broker.advance(11 * MINUTE_MS);
    await expectNobodyLogsIn(refreshing);
  });

  test('and KV answers no longer within the hours of the token before, which is sent', async () => {
    const refreshing = await startOutage(path);
    await haveOutage(refreshing, path.act, HOUR_MS);
    kv.fail('get');
    await expectNobodyLogsIn(refreshing);
  });

  test('and a mistake of ours does too', async () => {
    const refreshing = await startOutage(path);
    refreshing.decide(({ statements }) =>
      statements.some((sql) => sql.includes('"refreshed_at" = ?')) ? 'mistaken' : undefined,
    );
    await path.act(refreshing);
    refreshing.decide(() => undefined);
    refreshing.broker.advance(9 * HOUR_MS);
    await expectNobodyLogsIn(refreshing);
  });
});

test('a refresh that goes well asks nothing of KV, nor does one whose write is got over', async () => {
  const refreshing = await startOutage(byCron);
  let left = 2;
  refreshing.decide(({ statements }) =>
    statements.some((sql) => sql.includes('"refreshed_at" = ?')) && left-- > 0 ? 'refused' : undefined,
  );
  await refreshing.broker.tick();
  refreshing.broker.advance(4 * HOUR_MS);
  await refreshing.sync('nora');
  expect(refreshing.refreshes()).toBe(2);
  expect(kv.operations).toEqual([]);
});
