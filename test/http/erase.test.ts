import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import {
  authPath,
  type Broker,
  connect,
  emptyTables,
  makeApp,
  startBroker,
  type TestApp,
  WOMOJI,
} from '../support/broker.ts';
import { dashboardBrowser } from '../support/dashboard.ts';
import { dumpTables } from '../support/dump.ts';
import { seedHistory } from '../support/seed.ts';

let broker: Broker;
let app: TestApp;
let people: { id: string; userid: number }[];
let revocations: string[];
let isWithingsDown = false;
let meanwhile = async (): Promise<void> => undefined;
/** What happens while an erasure waits for Withings. */
let whileRevoking = async (): Promise<void> => undefined;

/** What a call to Withings sends. */
const formOf = (init: RequestInit | undefined): URLSearchParams =>
  init?.body instanceof URLSearchParams ? init.body : new URLSearchParams();

beforeEach(async () => {
  await emptyTables();
  revocations = [];
  isWithingsDown = false;
  meanwhile = async () => undefined;
  whileRevoking = async () => undefined;
  broker = await startBroker({
    fetch: (send) => async (input, init) => {
      const body = formOf(init);
      if (body.get('action') === 'revoke') revocations.push(body.get('userid') ?? '');
      if (body.get('action') === 'getnonce') await whileRevoking();
      const answer = isWithingsDown ? new Response('', { status: 502 }) : await send(input, init);
      await meanwhile();
      return answer;
    },
  });
  app = await makeApp(broker);
  people = [...broker.simulator.state.people.list()];
});

const link = async (userId: string, person: number, to: TestApp = app): Promise<void> => {
  await connect(broker, to, userId, people[person]?.id ?? '');
  await to.call('POST', `/withings/sync/${userId}`);
};

/** Every row of every table that holds a text, the audit trail aside. */
const rowsWith = async (text: string): Promise<string[]> =>
  Object.entries(await dumpTables()).flatMap(([table, rows]) =>
    rows.filter((row) => row.includes(text)).map((row) => `${table}: ${row}`),
  );

const connectionIds = async (userId: string): Promise<number[]> =>
  (await env.DB.prepare('SELECT id FROM connections WHERE user_id = ?').bind(userId).all<{ id: number }>()).results.map(
    ({ id }) => id,
  );

describe('erasing a user', () => {
  test('does not revoke an account that somebody else is connected by, nor touch their data', async () => {
    const other = await makeApp(broker, 'Other');
    await link('ada', 0);
    await link('ada', 0, other);
    await link('bob', 1);
    const bobs = await rowsWith('"bob"');
    const erased = await (await app.call('DELETE', '/users/ada')).json();
    expect(erased).toMatchObject({ complete: true, withings: { revoked: 0, kept: 1, failed: 0 } });
    expect(revocations).toEqual([]);
    expect(await rowsWith('"bob"')).toEqual(bobs);
    expect((await other.call('POST', '/withings/sync/ada')).status).toBe(200);
    expect((await other.call('GET', '/metrics/ada')).status).toBe(200);
  });

  test('goes on when Withings is down, and says that the authorization stands', async () => {
    await link('ada', 0);
    isWithingsDown = true;
    const answer = await app.call('DELETE', '/users/ada');
    expect(await answer.json()).toMatchObject({ complete: true, withings: { revoked: 0, kept: 0, failed: 1 } });
    expect(await connectionIds('ada')).toEqual([]);
  });

  test('a key without the scope may not, and nobody else', async () => {
    await link('ada', 0);
    const created = await broker.manage('POST', `/apps/${app.id}/keys`, { name: 'reader', scopes: ['read'] });
    const { key } = await created.json<{ key: string }>();
    const weak = await broker.request(`/apps/${app.id}/users/ada`, { method: 'DELETE', headers: { 'X-API-Key': key } });
    expect(weak.status).toBe(403);
    const other = await makeApp(broker, 'Other');
    const foreign = await broker.request(`/apps/${app.id}/users/ada`, {
      method: 'DELETE',
      headers: { 'X-API-Key': other.key },
    });
    expect(foreign.status).toBe(404);
    expect(await (await app.call('GET', '/withings/status/ada')).json()).toEqual({ connected: true });
  });

  test('a sync under way writes nothing back', async () => {
    await link('ada', 0);
    const before = await connectionIds('ada');
    let erase: Promise<Response> | undefined;
    const racing = await startBroker({
      fetch: () => async (input, init) => {
        const answer = await broker.simulator.fetch(input, init);
        if (formOf(init).get('action') === 'getmeas') erase = app.call('DELETE', '/users/ada');
        await erase;
        return answer;
      },
    });
    racing.advance(60_000);
    await racing.request(`/apps/${app.id}/withings/sync/ada`, { method: 'POST', headers: { 'X-API-Key': app.key } });
    expect(erase).toBeDefined();
    for (const id of before) expect(await rowsWith(String(id))).toEqual([]);
  });

  describe('while the person links again', () => {
    const once = (then: () => Promise<void>) => {
      whileRevoking = async () => {
        whileRevoking = async () => undefined;
        await then();
      };
    };
    const bodyData = async () => {
      const [measurements, groups, sources] = await env.DB.batch<{ n: number }>(
        ['measurements', 'groups', 'sources'].map((table) => env.DB.prepare(`SELECT count(*) AS n FROM ${table}`)),
      );
      return [measurements, groups, sources].map((result) => result?.results[0]?.n);
    };

    test('leaves the new link as it is, neither revoked nor counted, with all of its history', async () => {
      await link('ada', 0);
      const before = await bodyData();
      once(async () => {
        await connect(broker, app, 'ada', people[0]?.id ?? '');
      });
      const answer = await app.call('DELETE', '/users/ada');
      expect(await answer.json()).toMatchObject({
        complete: true,
        removed: { connections: 0, measurements: before[0] },
        withings: { revoked: 0, kept: 1, failed: 0 },
      });
      expect(revocations).toEqual([]);
      broker.advance(4 * 3_600_000);
      expect(await (await app.call('POST', '/withings/sync/ada')).json()).toMatchObject({ added: before[0] });
      expect(await bodyData()).toEqual(before);
      const { data } = await (
        await broker.manage('GET', `/apps/${app.id}/audit`)
      ).json<{ data: { action: string; detail: object }[] }>();
      expect(data.find(({ action }) => action === 'user.erased')?.detail).toMatchObject({ connections: 0, kept: 1 });
    });

    test('and disconnects with new data is not complete, and the same call again leaves nothing', async () => {
      await link('ada', 0);
      once(async () => {
        await link('ada', 0);
        await app.call('DELETE', '/withings/disconnect/ada');
      });
      const first = await app.call('DELETE', '/users/ada');
      expect(first.status).toBe(202);
      expect(await first.json()).toMatchObject({ complete: false, removed: { connections: 0 } });
      expect(await connectionIds('ada')).toHaveLength(1);
      const again = await app.call('DELETE', '/users/ada');
      expect(await again.json()).toMatchObject({ complete: true, removed: { connections: 1 } });
      expect(await bodyData()).toEqual([0, 0, 0]);
      expect(await rowsWith('"ada"')).toEqual([]);
    });

    test('after a part of it was done keeps nothing of before', async () => {
      await link('ada', 0);
      await seedHistory((await connectionIds('ada'))[0] ?? 0, 15_100, 1_780_000_000);
      const before = await bodyData();
      expect((await app.call('DELETE', '/users/ada')).status).toBe(202);
      await connect(broker, app, 'ada', people[0]?.id ?? '');
      expect((await app.call('DELETE', '/users/ada')).status).toBe(200);
      expect(await bodyData()).toEqual([0, 0, 0]);
      expect(before[0]).toBeGreaterThan(120_000);
    });
  });

  test('body data whose connection is gone all the same is swept by the cron, and nobody else’s', async () => {
    await link('ada', 0);
    await link('bob', 1);
    const [ada] = await connectionIds('ada');
    const bobs = await rowsWith(String((await connectionIds('bob'))[0]));
    await env.DB.prepare('DELETE FROM connections WHERE id = ?').bind(ada).run();
    expect((await rowsWith(String(ada))).length).toBeGreaterThan(10);
    for (let hours = 0; hours < 24; hours += 1) {
      broker.advance(47 * 60_000);
      await broker.tick();
      broker.advance(13 * 60_000);
    }
    expect(await rowsWith(String(ada))).toEqual([]);
    expect((await rowsWith(String((await connectionIds('bob'))[0]))).length).toBeGreaterThanOrEqual(bobs.length);
    expect(broker.logs).toContainEqual(
      expect.objectContaining({ level: 'error', event: 'tick', outcome: 'orphan_swept' }),
    );
  });

  test('leaves no row of any table that names the user or a connection, and says what went', async () => {
    await link('ada-lovelace', 0);
    await app.call('DELETE', '/withings/disconnect/ada-lovelace');
    await link('ada-lovelace', 1);
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'confirm' });
    await link('ada-lovelace', 2);
    const ids = await connectionIds('ada-lovelace');
    expect(ids).toHaveLength(2);
    expect((await rowsWith(String(ids[0]))).length).toBeGreaterThan(10);

    const answer = await app.call('DELETE', '/users/ada-lovelace');
    expect(answer.status).toBe(200);
    const { removed, withings } = await answer.json<{ removed: Record<string, number>; withings: object }>();
    expect(removed).toMatchObject({ connections: 2, pending_connections: 1 });
    expect(removed['measurements']).toBeGreaterThan(100);
    expect(removed['groups']).toBeGreaterThan(20);
    expect(withings).toEqual({ revoked: 3, kept: 0, failed: 0 });
    expect(revocations.sort()).toEqual(
      people
        .slice(0, 3)
        .map(({ userid }) => String(userid))
        .sort(),
    );
    expect(await rowsWith('ada-lovelace')).toEqual([]);
    for (const id of ids) expect(await rowsWith(String(id))).toEqual([]);

    const again = await app.call('DELETE', '/users/ada-lovelace');
    expect(again.status).toBe(200);
    expect(await again.json()).toMatchObject({ complete: true, removed: { connections: 0, measurements: 0 } });
    const { data } = await (await broker.manage('GET', `/apps/${app.id}/audit`)).json<{ data: { action: string }[] }>();
    expect(data.filter(({ action }) => action === 'user.erased')).toHaveLength(1);
  });

  test('of many Withings accounts is one call, and of a history beyond what one call takes as many as it needs', async () => {
    await link('ada', 0);
    const [ada] = await connectionIds('ada');
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 14)
       INSERT INTO connections (app_id, user_id, withings_user_id, is_current, state, state_since, scope, created_at, token_version,
         access_expires_at, refreshed_at)
       SELECT app_id, user_id, printf('%d', 70000000 + i), 0, 'disconnected', 0, scope, 0, 1, 0, 0 FROM n, connections WHERE id = ?`,
    )
      .bind(ada)
      .run();
    const erased = await app.call('DELETE', '/users/ada');
    expect(erased.status).toBe(200);
    expect(await erased.json()).toMatchObject({ complete: true, removed: { connections: 15 } });
    expect(await connectionIds('ada')).toEqual([]);

    await link('bob', 1);
    await seedHistory((await connectionIds('bob'))[0] ?? 0, 15_100, 1_780_000_000);
    const first = await app.call('DELETE', '/users/bob');
    expect(first.status).toBe(202);
    expect(await first.json()).toMatchObject({ complete: false, removed: { connections: 0, measurements: 120_000 } });
    expect((await app.call('DELETE', '/users/bob')).status).toBe(200);
    expect(await rowsWith('"bob"')).toEqual([]);
  });
});

describe('exporting a user', () => {
  test('a user of whom nothing is stored is not found, and a made-up cursor is refused', async () => {
    expect((await app.call('GET', '/users/nobody/export')).status).toBe(404);
    await link('ada', 0);
    expect((await app.call('GET', '/users/ada/export?cursor=x')).status).toBe(400);
  });

  test('gives every stored group of every connection once, and no token; a cursor opens nobody else', async () => {
    await link('ada', 0);
    await app.call('DELETE', '/withings/disconnect/ada');
    await link('ada', 1);
    await link('bob', 2);
    const [bobs] = await connectionIds('bob');
    const groups: { group_id: number; measurements: unknown[] }[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const path: string = `/users/ada/export${cursor === '' ? '' : `?cursor=${cursor}`}`;
      const answer = await app.call('GET', path);
      expect(answer.status).toBe(200);
      const page: { groups: typeof groups; connections: unknown[]; next_cursor: string | null } = await answer.json();
      expect(page.connections).toHaveLength(2);
      expect(JSON.stringify(page)).not.toContain('sealed');
      groups.push(...page.groups);
      cursor = page.next_cursor;
    }
    const count = async (table: string) =>
      env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE connection_id <> ?`).bind(bobs).first<number>('n');
    expect(groups).toHaveLength((await count('groups')) ?? 0);
    expect(groups.flatMap(({ measurements }) => measurements)).toHaveLength((await count('measurements')) ?? 0);
    const foreign = await (await app.call('GET', `/users/ada/export?cursor=${bobs}.0`)).json<{ groups: object[] }>();
    const ids = new Set(groups.map(({ group_id: id }) => id));
    for (const group of foreign.groups) expect(ids).toContain((group as { group_id: number }).group_id);
  });
});

describe('an export', () => {
  const entries = async () => {
    const { data } = await (
      await broker.manage('GET', `/apps/${app.id}/audit`)
    ).json<{ data: { action: string; actor: string; at: string }[] }>();
    return data.filter(({ action }) => action === 'user.exported');
  };

  test('that begins at a cursor is in the audit trail too', async () => {
    await link('ada', 0);
    const [id] = await connectionIds('ada');
    expect((await app.call('GET', `/users/ada/export?cursor=${id}.0`)).status).toBe(200);
    expect(await entries()).toHaveLength(1);
  });

  test('is noted once an hour for each who asks, and else writes nothing', async () => {
    await link('ada', 0);
    await link('bob', 1);
    for (let calls = 0; calls < 5; calls += 1) {
      expect((await app.call('GET', '/users/ada/export')).status).toBe(200);
      broker.advance(60_000);
    }
    expect(await entries()).toHaveLength(1);
    await app.call('GET', '/users/bob/export');
    await broker.manage('GET', `/apps/${app.id}/users/ada/export`);
    expect(new Set((await entries()).map(({ actor }) => actor)).size).toBe(2);
    expect(await entries()).toHaveLength(3);
    broker.advance(3_600_000);
    const before = await rowsWith('user.exported');
    await app.call('GET', '/users/ada/export');
    expect(await rowsWith('user.exported')).toHaveLength(before.length + 1);
  });
});

describe('deleting an app', () => {
  test('takes bounded calls, lets nothing flow meanwhile, and leaves nothing but the audit trail', async () => {
    for (let user = 0; user < 7; user += 1) await link(`user-${user}`, user % 3);
    const first = await broker.manage('DELETE', `/apps/${app.id}`);
    expect(first.status).toBe(202);
    expect((await app.call('GET', '/withings/status/user-6')).status).toBe(403);
    expect((await broker.manage('DELETE', `/apps/${app.id}`)).status).toBe(204);
    expect((await broker.manage('DELETE', `/apps/${app.id}`)).status).toBe(404);
    expect((await app.call('GET', '/withings/status/user-6')).status).toBe(401);
    const left = (await rowsWith(app.id)).filter((row) => !row.startsWith('audit_entries'));
    expect(left).toEqual([]);
    const { data } = await (
      await broker.manage('GET', '/audit')
    ).json<{ data: { action: string; app_id: string }[] }>();
    expect(data).toContainEqual(expect.objectContaining({ action: 'app.deleted', app_id: app.id }));
  });

  test.each([
    ['open', 'linked before'],
    ['open', 'new'],
    ['confirm', 'new'],
  ])('while a link under %s is on its way for a user who is %s leaves nothing behind either', async (policy, user) => {
    if (user === 'linked before') await link('ada', 0);
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: policy });
    let deletions = 0;
    meanwhile = async () => {
      meanwhile = async () => undefined;
      for (let status = 202; status === 202; deletions += 1) {
        ({ status } = await broker.manage('DELETE', `/apps/${app.id}`));
      }
    };
    const callback = await connect(broker, app, 'ada', people[0]?.id ?? '');
    expect(deletions).toBeGreaterThan(0);
    expect(callback.headers.get('Location')).toMatch(/^womoji:.*\?error=temporarily_unavailable/);
    expect((await rowsWith(app.id)).filter((row) => !row.startsWith('audit_entries'))).toEqual([]);
    expect(await rowsWith('"ada"')).toEqual([]);
  });

  test('a disabled app: nothing flows, and the cron sends nothing for it', async () => {
    await link('ada', 0);
    await broker.manage('PATCH', `/apps/${app.id}`, { disabled: true });
    broker.advance(3 * 60 * 60_000);
    // All that the cron does is due: a refresh, a sync to go on with, the review of an older window.
    await env.DB.prepare('UPDATE connections SET sync_resume_at = 1, next_review_at = 1, last_used_at = ?')
      .bind(broker.now())
      .run();
    const calls = broker.simulator.state.calls.list().length;
    await broker.tick();
    expect(broker.simulator.state.calls.list()).toHaveLength(calls);
    for (const [method, path] of [
      ['POST', '/withings/sync/ada'],
      ['GET', '/metrics/ada'],
      ['GET', '/metrics/ada/daily'],
      ['GET', '/changes'],
      ['GET', '/withings/status/ada'],
      ['GET', '/withings/connections/ada'],
    ] as const) {
      expect((await app.call(method, path)).status, path).toBe(403);
      const managed = await broker.manage(method, `/apps/${app.id}${path}`);
      expect(await managed.json(), path).toMatchObject({ status: 403, code: 'app_disabled' });
    }
    for (const path of ['user-tokens', 'connect-sessions', 'confirm']) {
      const body = { user_id: 'ada', redirect_uri: WOMOJI, ticket: 'x' };
      expect((await app.call('POST', `/withings/${path}`, body)).status, path).toBe(403);
    }
    expect((await broker.request(authPath(app, 'ada'))).status).toBe(403);
    await broker.manage('PATCH', `/apps/${app.id}`, { disabled: false });
    expect((await app.call('POST', '/withings/sync/ada')).status).toBe(200);
  });

  test('a disabled app: nothing flows through the dashboard either, which still disconnects and erases', async () => {
    await link('ada', 0);
    const redirect = await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'session' });
    expect(redirect.status).toBe(200);
    const browser = dashboardBrowser(broker);
    await browser.signIn(broker.operatorToken);
    const page = `/dashboard/apps/${app.id}/users/ada`;
    const before = (await browser.get(page)).html;
    expect(before).toContain('<svg');
    await broker.manage('PATCH', `/apps/${app.id}`, { disabled: true });
    const calls = broker.simulator.state.calls.list().length;
    broker.advance(60_000);
    const shown = await browser.get(page);
    expect(shown.status).toBe(200);
    expect(shown.html).not.toContain('<svg');
    expect(shown.html).not.toContain(`${page}/sync`);
    const synced = await browser.submitFrom(before, `${page}/sync`);
    expect(synced.status).toBe(409);
    expect(synced.html).toContain('This app is disabled');
    const tried = await browser.submit(`/dashboard/apps/${app.id}/health`, `/dashboard/apps/${app.id}/health/try`, {
      uri: WOMOJI,
    });
    expect(tried.status).toBe(403);
    expect(broker.simulator.state.calls.list()).toHaveLength(calls);

    await browser.submit(page, `${page}/disconnect`);
    expect((await browser.get(page)).html).toContain('Disconnected');
    await browser.submit(page, `${page}/erase`, { confirmation: 'ada' });
    expect(await rowsWith('"ada"')).toEqual([]);
  });

  test.each(['app key', 'access token', 'user token'])(
    'a disabled app: what a person has a right to goes on by %s',
    async (credential) => {
      for (const [person, userId] of ['ada', 'bob'].entries()) await link(userId, person);
      const minted = await app.call('POST', '/withings/user-tokens', { user_id: 'ada' });
      const { token } = await minted.json<{ token: string }>();
      await broker.manage('PATCH', `/apps/${app.id}`, { disabled: true });
      const value = { 'app key': app.key, 'access token': broker.operatorToken, 'user token': token }[credential] ?? '';
      const ask = (method: string, path: string) =>
        broker.request(`/apps/${app.id}${path}`, { method, headers: { Authorization: `Bearer ${value}` } });
      expect(await (await ask('DELETE', '/withings/disconnect/ada')).json()).toEqual({ connected: false });
      const state = await env.DB.prepare(`SELECT state FROM connections WHERE user_id = 'ada'`).first<string>('state');
      expect(state).toBe('disconnected');
      if (credential === 'user token') {
        expect((await ask('GET', '/withings/status/ada')).status).toBe(403);
        return;
      }
      const exported = await (await ask('GET', '/users/bob/export')).json<{ groups: unknown[] }>();
      expect(exported.groups.length).toBeGreaterThan(3);
      expect(await (await ask('DELETE', '/users/bob')).json()).toMatchObject({ complete: true });
      expect(await rowsWith('"bob"')).toEqual([]);
    },
  );
});
