import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { connect, emptyStorage } from '../support/broker.ts';
import { byCron, expectNobodyLogsIn, haveOutage, kv, outcomes, startOutage } from '../support/d1-outage.ts';
import { dumpKv } from '../support/dump.ts';
import { DUE_MS, HOUR_MS, LEASE_MS, MINUTE_MS, type Refreshing, stillWorks } from '../support/refreshing.ts';

/** What may become of a pair that waits in KV, and who may use it. */

beforeEach(async () => {
  await emptyStorage();
  kv.fail();
  kv.reset();
});

describe('a parked pair', () => {
  const park = async () => {
    const refreshing = await startOutage(byCron);
    await haveOutage(refreshing, byCron.act, 9 * HOUR_MS);
    const [[key, sealed] = []] = Object.entries(await dumpKv());
    if (key === undefined || sealed === undefined) throw new Error('nothing was parked');
    refreshing.broker.advance(LEASE_MS);
    return { ...refreshing, key, sealed };
  };

  test('is sealed, and expires', async () => {
    const { key, sealed, broker } = await park();
    const [pair] = broker.simulator.state.grants.all()[0]?.pairs.slice(-1) ?? [];
    expect(sealed).not.toContain(pair?.refreshToken);
    const { keys } = await env.LINKS.list({ prefix: key });
    expect(keys[0]?.expiration).toBeGreaterThan(Date.now() / 1000 + 20 * 86_400);
  });

  test.each(['DELETE /withings/disconnect/nora', 'DELETE /users/nora'])('goes with %s', async (call) => {
    const refreshing = await park();
    const [method, path] = call.split(' ') as [string, string];
    expect((await refreshing.app.call(method, path)).ok).toBe(true);
    await refreshing.broker.settle();
    expect(await dumpKv()).toEqual({});
  });

  test('of before a disconnect is used by no connection of later, even if KV did not delete it', async () => {
    const refreshing = await park();
    const { broker, app, key, sealed } = refreshing;
    await app.call('DELETE', '/withings/disconnect/nora');
    await broker.settle();
    await connect(broker, app, 'nora', 'nora');
    await env.LINKS.put(key, sealed);
    broker.advance(DUE_MS);
    broker.simulator.state.faults.add({ kind: 'lost_answer', grantType: 'refresh_token', times: 1 });
    await broker.tick();
    await refreshing.run(HOUR_MS, 10 * MINUTE_MS);
    expect(outcomes(refreshing)).not.toContain('recovered');
    expect(await stillWorks(refreshing, 'nora')).toBe(true);
  });

  test('of another account, connection or version is not opened', async () => {
    const refreshing = await park();
    const { broker, key, sealed } = refreshing;
    const { id } = await refreshing.rowOf('nora');
    const place = (fields: string) =>
      env.DB.batch([
        env.DB.prepare(`UPDATE connections SET ${fields}`),
        // What the one before came to has closed the cron's share.
        env.DB.prepare('DELETE FROM request_budgets'),
      ]);
    for (const [there, back, movedKey] of [
      ["withings_user_id = '4711'", `withings_user_id = '${await accountOf(refreshing)}'`, key],
      ['token_version = 7', 'token_version = 1', `parked:${id}:7`],
      ['id = 4711', `id = ${id}`, 'parked:4711:1'],
    ] as const) {
      await env.LINKS.put(movedKey, sealed);
      await place(`${there}, next_refresh_at = 1, in_doubt_since = 1, refresh_lease_until = NULL`);
      await broker.tick();
      expect((await refreshing.rows())[0]?.token_version).toBe(there.startsWith('token_version') ? 7 : 1);
      expect(outcomes(refreshing)).not.toContain('recovered');
      expect(outcomes(refreshing)).toContain('parked_pair_unreadable');
      broker.logs.length = 0;
      await place(`${back}, state = 'active'`);
    }
  });

  test('under a key that the ring lacks waits for the key', async () => {
    const refreshing = await park();
    const { broker, key, sealed } = refreshing;
    const [, ...rest] = sealed.split('.');
    const header = btoa('{"alg":"dir","enc":"A256GCM","kid":"k9"}').replaceAll('=', '');
    await env.LINKS.put(key, [header, ...rest].join('.'));
    await broker.tick();
    expect(await refreshing.rowOf('nora')).toMatchObject({ state: 'active', token_version: 1 });
    expect(outcomes(refreshing)).toContain('sealing_key_missing');
    await env.LINKS.put(key, sealed);
    broker.advance(HOUR_MS + MINUTE_MS);
    await expectNobodyLogsIn(refreshing);
  });

  test('of a holder who comes late does not take the place of a newer one', async () => {
    const refreshing = await startOutage(byCron);
    const { broker } = refreshing;
    let isOut = false;
    refreshing.decide(({ kind, statements }) => {
      const stores = statements.some((sql) => sql.includes('"refreshed_at" = ?'));
      isOut ||= stores;
      return kind === 'd1' && isOut && stores ? 'refused' : undefined;
    });
    refreshing.whileAnswering(async (body) => {
      if (!body.includes('grant_type=refresh_token')) return;
      refreshing.whileAnswering(async () => undefined);
      broker.advance(LEASE_MS);
      await broker.tick();
    });
    await broker.tick();
    expect(refreshing.refreshes()).toBe(2);
    expect(kv.operations.filter((operation) => operation === 'put')).toHaveLength(1);
    refreshing.decide(() => undefined);
    broker.advance(9 * HOUR_MS);
    await expectNobodyLogsIn(refreshing);
  });
});

const accountOf = async (refreshing: Refreshing): Promise<string> =>
  `${refreshing.broker.simulator.state.people.find('nora')?.userid ?? 0}`;
