import { describe, expect, test } from 'vitest';

import {
  type Effect,
  DUE_MS,
  HOUR_MS,
  LEASE_MS,
  type Refreshing,
  startRefreshing,
  stillWorks,
  until,
} from '../support/refreshing.ts';

/**
 * The protocol stopped at each of its effects. The effects are not listed here but counted on an undisturbed run, so
 * that a step added later is stopped at too.
 */

const byCron = { name: 'tick', wait: DUE_MS, act: ({ broker }: Refreshing): Promise<unknown> => broker.tick() };
const bySync = { name: 'sync', wait: 4 * HOUR_MS, act: ({ sync }: Refreshing): Promise<unknown> => sync('nora') };

const isRotationWrite = ({ statements }: Effect) =>
  statements.some((sql) => /update "connections" set/i.test(sql) && sql.includes('"refreshed_at" = ?'));

const start = async ({ wait }: { wait: number }) => {
  const refreshing = await startRefreshing(['nora']);
  refreshing.broker.advance(wait);
  return refreshing;
};

const expectNobodyLogsIn = async (refreshing: Refreshing) => {
  expect(await stillWorks(refreshing, 'nora')).toBe(true);
  expect((await refreshing.rowOf('nora')).state).toBe('active');
  expect((await refreshing.detail('nora')).timeline.map(({ kind }) => kind)).not.toContain('reauth_required');
};

describe.each([byCron, bySync])('a $name', (path) => {
  test('that dies before or after any one of its effects loses nothing', async () => {
    const undisturbed = await start(path);
    undisturbed.decide(() => undefined);
    await path.act(undisturbed);
    const count = undisturbed.effects().length;
    expect(undisturbed.refreshes()).toBe(1);
    expect(count).toBeGreaterThanOrEqual(5);

    for (let last = 1; last <= count; last += 1) {
      for (const fate of ['dies_before', 'dies_after'] as const) {
        const refreshing = await start(path);
        refreshing.decide(({ number }) => (number === last ? fate : undefined));
        void path.act(refreshing);
        await until(() => refreshing.deaths() === 1);
        refreshing.decide(() => undefined);
        refreshing.broker.advance(LEASE_MS);
        await refreshing.broker.tick();
        await expectNobodyLogsIn(refreshing);
      }
    }
  });

  test('whose D1 round trip fails, with or without effect, loses nothing', async () => {
    const undisturbed = await start(path);
    undisturbed.decide(() => undefined);
    await path.act(undisturbed);
    const trips = undisturbed.effects().filter(({ kind }) => kind === 'd1');
    for (const trip of trips) {
      for (const fate of ['refused', 'answer_lost'] as const) {
        const refreshing = await start(path);
        refreshing.decide(({ number }) => (number === trip.number ? fate : undefined));
        await path.act(refreshing);
        refreshing.decide(() => undefined);
        refreshing.broker.advance(LEASE_MS);
        await expectNobodyLogsIn(refreshing);
      }
    }
  });

  test.each([
    { fate: 'refused', times: 1 },
    { fate: 'refused', times: 2 },
    { fate: 'refused', times: Infinity },
    { fate: 'answer_lost', times: 1 },
    { fate: 'answer_lost', times: 2 },
    { fate: 'answer_lost', times: Infinity },
  ] as const)('whose write of the new pair is $fate $times times loses nothing', async ({ fate, times }) => {
    const refreshing = await start(path);
    let left: number = times;
    refreshing.decide((effect) => (isRotationWrite(effect) && left-- > 0 ? fate : undefined));
    await path.act(refreshing);
    const used = refreshing.effects().filter(({ body }) => body.includes('action=getmeas')).length;
    // The new pair was stored, or it was not used.
    const stored = times !== Infinity;
    if (path === bySync) expect(used > 0).toBe(stored);
    expect((await refreshing.rowOf('nora')).token_version).toBe(stored || fate === 'answer_lost' ? 2 : 1);
    refreshing.decide(() => undefined);
    refreshing.broker.advance(LEASE_MS);
    await expectNobodyLogsIn(refreshing);
  });

  test.each([
    { kind: 'lost_answer' },
    { kind: 'http_500', takesEffect: true },
    { kind: 'html', takesEffect: true },
    { kind: 'cut_body' },
    { kind: 'empty_body' },
    { kind: 'status', status: 2555, takesEffect: true },
    { kind: 'http_503' },
    { kind: 'status', status: 601, waitSeconds: 188 },
    { kind: 'status', status: 503, error: 'Invalid Params: something new' },
  ] as const)('answered with $kind $status loses nothing and overwrites nothing', async (fault) => {
    const refreshing = await start(path);
    const before = await refreshing.rowOf('nora');
    refreshing.broker.simulator.state.faults.add({ ...fault, grantType: 'refresh_token' });
    await path.act(refreshing);
    const after = await refreshing.rowOf('nora');
    expect(after.refresh_token_sealed).toBe(before.refresh_token_sealed);
    expect(after.state).toBe('active');
    expect(after.refresh_failures).toBe(1);
    expect(after.next_refresh_at).toBeLessThanOrEqual(refreshing.broker.now() + HOUR_MS);
    await expectNobodyLogsIn(refreshing);
  });
});
