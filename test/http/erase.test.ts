import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { connect, makeApp, startBroker } from '../support/broker.ts';
import { connectionIds, type Erasing, formOf, rowsWith, startErasing } from '../support/erasing.ts';
import { seedHistory } from '../support/seed.ts';

let erasing: Erasing;
beforeEach(async () => {
  erasing = await startErasing();
});

describe('erasing a user', () => {
  test('does not revoke an account that somebody else is connected by, nor touch their data', async () => {
    const other = await makeApp(erasing.broker, 'Other');
    await erasing.link('ada', 0);
    await erasing.link('ada', 0, other);
    await erasing.link('bob', 1);
    const bobs = await rowsWith('"bob"');
    const erased = await (await erasing.app.call('DELETE', '/users/ada')).json();
    expect(erased).toMatchObject({ complete: true, withings: { revoked: 0, kept: 1, failed: 0 } });
    expect(erasing.revocations).toEqual([]);
    expect(await rowsWith('"bob"')).toEqual(bobs);
    expect((await other.call('POST', '/withings/sync/ada')).status).toBe(200);
    expect((await other.call('GET', '/metrics/ada')).status).toBe(200);
  });

  test('goes on when Withings is down, and says that the authorization stands', async () => {
    await erasing.link('ada', 0);
    erasing.breakWithings();
    const answer = await erasing.app.call('DELETE', '/users/ada');
    expect(await answer.json()).toMatchObject({ complete: true, withings: { revoked: 0, kept: 0, failed: 1 } });
    expect(await connectionIds('ada')).toEqual([]);
  });

  test('a key without the scope may not, and nobody else', async () => {
    await erasing.link('ada', 0);
    const created = await erasing.broker.manage('POST', `/apps/${erasing.app.id}/keys`, {
      name: 'reader',
      scopes: ['read'],
    });
    const { key } = await created.json<{ key: string }>();
    const weak = await erasing.broker.request(`/apps/${erasing.app.id}/users/ada`, {
      method: 'DELETE',
      headers: { 'X-API-Key': key },
    });
    expect(weak.status).toBe(403);
    const other = await makeApp(erasing.broker, 'Other');
    const foreign = await erasing.broker.request(`/apps/${erasing.app.id}/users/ada`, {
      method: 'DELETE',
      headers: { 'X-API-Key': other.key },
    });
    expect(foreign.status).toBe(404);
    expect(await (await erasing.app.call('GET', '/withings/status/ada')).json()).toEqual({ connected: true });
  });

  test('a sync under way writes nothing back', async () => {
    await erasing.link('ada', 0);
    const before = await connectionIds('ada');
    let erase: Promise<Response> | undefined;
    const racing = await startBroker({
      fetch: () => async (input, init) => {
        const answer = await erasing.broker.simulator.fetch(input, init);
        if (formOf(init).get('action') === 'getmeas') erase = erasing.app.call('DELETE', '/users/ada');
        await erase;
        return answer;
      },
    });
    racing.advance(60_000);
    await racing.request(`/apps/${erasing.app.id}/withings/sync/ada`, {
      method: 'POST',
      headers: { 'X-API-Key': erasing.app.key },
    });
    expect(erase).toBeDefined();
    for (const id of before) expect(await rowsWith(String(id))).toEqual([]);
  });

  describe('while the person links again', () => {
    const bodyData = async () => {
      const [measurements, groups, sources] = await env.DB.batch<{ n: number }>(
        ['measurements', 'groups', 'sources'].map((table) => env.DB.prepare(`SELECT count(*) AS n FROM ${table}`)),
      );
      return [measurements, groups, sources].map((result) => result?.results[0]?.n);
    };

    test('leaves the new link as it is, neither revoked nor counted, with all of its history', async () => {
      await erasing.link('ada', 0);
      const before = await bodyData();
      erasing.onceRevoking(async () => {
        await connect(erasing.broker, erasing.app, 'ada', erasing.people[0]?.id ?? '');
      });
      const answer = await erasing.app.call('DELETE', '/users/ada');
      expect(await answer.json()).toMatchObject({
        complete: true,
        removed: { connections: 0, measurements: before[0] },
        withings: { revoked: 0, kept: 1, failed: 0 },
      });
      expect(erasing.revocations).toEqual([]);
      erasing.broker.advance(4 * 3_600_000);
      expect(await (await erasing.app.call('POST', '/withings/sync/ada')).json()).toMatchObject({ added: before[0] });
      expect(await bodyData()).toEqual(before);
      const { data } = await (
        await erasing.broker.manage('GET', `/apps/${erasing.app.id}/audit`)
      ).json<{ data: { action: string; detail: object }[] }>();
      expect(data.find(({ action }) => action === 'user.erased')?.detail).toMatchObject({ connections: 0, kept: 1 });
    });

    test('and disconnects with new data is not complete, and the same call again leaves nothing', async () => {
      await erasing.link('ada', 0);
      erasing.onceRevoking(async () => {
        await erasing.link('ada', 0);
        await erasing.app.call('DELETE', '/withings/disconnect/ada');
      });
      const first = await erasing.app.call('DELETE', '/users/ada');
      expect(first.status).toBe(202);
      expect(await first.json()).toMatchObject({ complete: false, removed: { connections: 0 } });
      expect(await connectionIds('ada')).toHaveLength(1);
      const again = await erasing.app.call('DELETE', '/users/ada');
      expect(await again.json()).toMatchObject({ complete: true, removed: { connections: 1 } });
      expect(await bodyData()).toEqual([0, 0, 0]);
      expect(await rowsWith('"ada"')).toEqual([]);
    });

    test('after a part of it was done keeps nothing of before', async () => {
      await erasing.link('ada', 0);
      await seedHistory((await connectionIds('ada'))[0] ?? 0, 15_100, 1_780_000_000);
      const before = await bodyData();
      expect((await erasing.app.call('DELETE', '/users/ada')).status).toBe(202);
      await connect(erasing.broker, erasing.app, 'ada', erasing.people[0]?.id ?? '');
      expect((await erasing.app.call('DELETE', '/users/ada')).status).toBe(200);
      expect(await bodyData()).toEqual([0, 0, 0]);
      expect(before[0]).toBeGreaterThan(120_000);
    });
  });

  test('body data whose connection is gone all the same is swept by the cron, and nobody else’s', async () => {
    await erasing.link('ada', 0);
    await erasing.link('bob', 1);
    const [ada] = await connectionIds('ada');
    const bobs = await rowsWith(String((await connectionIds('bob'))[0]));
    await env.DB.prepare('DELETE FROM connections WHERE id = ?').bind(ada).run();
    expect((await rowsWith(String(ada))).length).toBeGreaterThan(10);
    for (let hours = 0; hours < 24; hours += 1) {
      erasing.broker.advance(47 * 60_000);
      await erasing.broker.tick();
      erasing.broker.advance(13 * 60_000);
    }
    expect(await rowsWith(String(ada))).toEqual([]);
    expect((await rowsWith(String((await connectionIds('bob'))[0]))).length).toBeGreaterThanOrEqual(bobs.length);
    expect(erasing.broker.logs).toContainEqual(
      expect.objectContaining({ level: 'error', event: 'tick', outcome: 'orphan_swept' }),
    );
  });

  test('leaves no row of any table that names the user or a connection, and says what went', async () => {
    await erasing.link('ada-lovelace', 0);
    await erasing.app.call('DELETE', '/withings/disconnect/ada-lovelace');
    await erasing.link('ada-lovelace', 1);
    await erasing.broker.manage('PATCH', `/apps/${erasing.app.id}`, { link_policy: 'confirm' });
    await erasing.link('ada-lovelace', 2);
    const ids = await connectionIds('ada-lovelace');
    expect(ids).toHaveLength(2);
    expect((await rowsWith(String(ids[0]))).length).toBeGreaterThan(10);

    const answer = await erasing.app.call('DELETE', '/users/ada-lovelace');
    expect(answer.status).toBe(200);
    const { removed, withings } = await answer.json<{ removed: Record<string, number>; withings: object }>();
    expect(removed).toMatchObject({ connections: 2, pending_connections: 1 });
    expect(removed['measurements']).toBeGreaterThan(100);
    expect(removed['groups']).toBeGreaterThan(20);
    expect(withings).toEqual({ revoked: 3, kept: 0, failed: 0 });
    expect(erasing.revocations.sort()).toEqual(
      erasing.people
        .slice(0, 3)
        .map(({ userid }) => String(userid))
        .sort(),
    );
    expect(await rowsWith('ada-lovelace')).toEqual([]);
    for (const id of ids) expect(await rowsWith(String(id))).toEqual([]);

    const again = await erasing.app.call('DELETE', '/users/ada-lovelace');
    expect(again.status).toBe(200);
    expect(await again.json()).toMatchObject({ complete: true, removed: { connections: 0, measurements: 0 } });
    const { data } = await (
      await erasing.broker.manage('GET', `/apps/${erasing.app.id}/audit`)
    ).json<{ data: { action: string }[] }>();
    expect(data.filter(({ action }) => action === 'user.erased')).toHaveLength(1);
  });

  test('of many Withings accounts is one call, and of a history beyond what one call takes as many as it needs', async () => {
    await erasing.link('ada', 0);
    const [ada] = await connectionIds('ada');
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 14)
       INSERT INTO connections (app_id, user_id, withings_user_id, is_current, state, state_since, scope, created_at, token_version,
         access_expires_at, refreshed_at)
       SELECT app_id, user_id, printf('%d', 70000000 + i), 0, 'disconnected', 0, scope, 0, 1, 0, 0 FROM n, connections WHERE id = ?`,
    )
      .bind(ada)
      .run();
    const erased = await erasing.app.call('DELETE', '/users/ada');
    expect(erased.status).toBe(200);
    expect(await erased.json()).toMatchObject({ complete: true, removed: { connections: 15 } });
    expect(await connectionIds('ada')).toEqual([]);

    await erasing.link('bob', 1);
    await seedHistory((await connectionIds('bob'))[0] ?? 0, 15_100, 1_780_000_000);
    const first = await erasing.app.call('DELETE', '/users/bob');
    expect(first.status).toBe(202);
    expect(await first.json()).toMatchObject({ complete: false, removed: { connections: 0, measurements: 120_000 } });
    expect((await erasing.app.call('DELETE', '/users/bob')).status).toBe(200);
    expect(await rowsWith('"bob"')).toEqual([]);
  });
});
