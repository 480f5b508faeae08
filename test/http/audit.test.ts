import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { authPath, type Broker, connect, consent, makeApp, openLink, startBroker } from '../support/broker.ts';
import { dashboardBrowser } from '../support/dashboard.ts';
import { makeDeveloper } from '../support/developer.ts';

type Entry = {
  action: string;
  actor: string;
  token_id: string | null;
  surface: string;
  subject: string;
  app_id: string;
  detail: object;
};
type Page = { data: Entry[]; next_cursor: string | null };

const read = async (broker: Broker, path: string): Promise<Page> => (await broker.manage('GET', path)).json<Page>();

test('what changed nothing leaves no entry in the audit trail', async () => {
  const broker = await startBroker();
  const app = await makeApp(broker);
  const before = await read(broker, `/apps/${app.id}/audit`);
  await broker.manage('PATCH', `/apps/${app.id}`, {});
  await broker.manage('DELETE', `/apps/${app.id}/keys/key_unknown`);
  await broker.manage('PUT', `/apps/${app.id}/redirect-uris`, { uri: 'https://App.example.com/x' });
  await broker.manage('PUT', `/apps/${app.id}/redirect-uris`, { uri: 'https://app.example.com/withings/done' });
  await broker.manage('DELETE', `/apps/${app.id}/redirect-uris?uri=https%3A%2F%2Fnot.example.com%2F`);
  await broker.manage('PATCH', '/apps/app_unknown', { name: 'Nobody' });
  expect(await read(broker, `/apps/${app.id}/audit`)).toEqual(before);
  expect((await broker.manage('GET', '/apps/app_unknown/audit')).status).toBe(404);
});

test('each change is noted with who, through what, what and to what, and no entry holds a key', async () => {
  const broker = await startBroker();
  const app = await makeApp(broker);
  await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'confirm', disabled: true });
  const { data: keys } = await (await broker.manage('GET', `/apps/${app.id}/keys`)).json<{ data: { id: string }[] }>();
  await broker.manage('DELETE', `/apps/${app.id}/keys/${keys[0]?.id}`);
  await broker.manage('DELETE', `/apps/${app.id}/keys/${keys[0]?.id}`);
  await broker.manage('DELETE', `/apps/${app.id}/redirect-uris?uri=womoji%3A%2F%2Fwithings%2Fsuccess`);

  const { data } = await read(broker, `/apps/${app.id}/audit`);
  expect(data.map(({ action }) => action).sort()).toEqual(
    [
      'app.created',
      'api_key.created',
      'redirect_uri.added',
      'redirect_uri.added',
      'app.changed',
      'api_key.revoked',
      'redirect_uri.removed',
    ].sort(),
  );
  for (const entry of data) expect(entry).toMatchObject({ actor: 'operator', surface: 'api', app_id: app.id });
  expect(data.find(({ action }) => action === 'app.changed')?.detail).toEqual({
    link_policy: 'confirm',
    disabled: true,
  });
  const { results } = await env.DB.prepare('SELECT * FROM audit_entries').all();
  expect(JSON.stringify(results)).not.toContain(app.key);
});

test('a disconnect is noted once, with who asked for it and through what, and the user as a hash', async () => {
  const broker = await startBroker();
  const developer = await makeDeveloper(broker);
  const app = await makeApp(broker, 'Womoji', developer.accountId);
  const person = [...broker.simulator.state.people.list()][0]?.id ?? '';
  const { data: keys } = await (await broker.manage('GET', `/apps/${app.id}/keys`)).json<{ data: { id: string }[] }>();
  const { token } = await (
    await app.call('POST', '/withings/user-tokens', { user_id: 'ada' })
  ).json<{ token: string }>();
  const browser = dashboardBrowser(broker);
  await browser.signIn(developer.token);
  const path = `/apps/${app.id}/withings/disconnect/ada`;
  const bearer = (value: string, userAgent?: string) => () =>
    broker.request(path, {
      method: 'DELETE',
      headers: { Authorization: `Bearer ${value}`, ...(userAgent && { 'User-Agent': userAgent }) },
    });
  const user = `/dashboard/apps/${app.id}/users/ada`;
  const ways: [by: object, way: () => Promise<unknown>][] = [
    [{ actor: keys[0]?.id, token_id: null, surface: 'api' }, () => app.call('DELETE', '/withings/disconnect/ada')],
    [{ actor: 'user', token_id: null, surface: 'api' }, bearer(token)],
    [
      { actor: developer.accountId, token_id: developer.tokenId, surface: 'cli' },
      bearer(developer.token, 'mushu-cli/1'),
    ],
    [
      { actor: developer.accountId, token_id: developer.tokenId, surface: 'dashboard' },
      () => browser.submit(user, `${user}/disconnect`),
    ],
    [{ actor: 'operator', token_id: null, surface: 'api' }, bearer(broker.operatorToken)],
  ];
  const disconnects = async () =>
    (await read(broker, `/apps/${app.id}/audit`)).data.filter(({ action }) => action === 'user.disconnected');
  const subjects = new Set<string>();
  for (const [by, way] of ways) {
    const before = await disconnects();
    // Not connected, connected, not connected again: one change.
    await way();
    expect(await disconnects()).toEqual(before);
    await connect(broker, app, 'ada', person);
    broker.advance(1_000);
    await way();
    await way();
    const [entry, ...earlier] = await disconnects();
    expect(earlier).toEqual(before);
    expect(entry).toMatchObject({ ...by, detail: {} });
    subjects.add(entry?.subject ?? '');
  }
  expect([...subjects]).toEqual([expect.stringMatching(/^user_[0-9a-f]{24}$/)]);
});

test('a disconnect that only ends what was waiting for its confirmation is noted, and an erasure says both', async () => {
  const broker = await startBroker();
  const app = await makeApp(broker);
  await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'confirm' });
  const actions = async () => (await read(broker, `/apps/${app.id}/audit`)).data.map(({ action }) => action);
  const person = [...broker.simulator.state.people.list()][0]?.id ?? '';
  const hold = async () => {
    const { authorizeUrl, cookies } = await openLink(broker, authPath(app, 'ada'));
    await broker.request(await consent(broker, authorizeUrl, person), { headers: { Cookie: cookies } });
    broker.advance(1_000);
  };
  const before = await actions();
  await hold();
  await app.call('DELETE', '/withings/disconnect/ada');
  expect(await actions()).toEqual(['user.disconnected', ...before]);
  await hold();
  await app.call('DELETE', '/users/ada');
  expect((await actions()).slice(0, 2).sort()).toEqual(['user.disconnected', 'user.erased']);
});

test('pages go on where they ended, and a foreign cursor is refused', async () => {
  const broker = await startBroker();
  const app = await makeApp(broker);
  for (let change = 0; change < 60; change += 1) {
    broker.advance(change % 3);
    await broker.manage('PATCH', `/apps/${app.id}`, { name: `Name ${change}` });
  }
  const first = await read(broker, `/apps/${app.id}/audit`);
  const second = await read(broker, `/apps/${app.id}/audit?cursor=${encodeURIComponent(first.next_cursor ?? '')}`);
  expect(first.data).toHaveLength(50);
  expect(second.next_cursor).toBeNull();
  const ids = [...first.data, ...second.data].map((entry) => JSON.stringify(entry));
  expect(new Set(ids).size).toBe(64);
  expect((await broker.manage('GET', `/apps/${app.id}/audit?cursor=1%20OR%201`)).status).toBe(400);
});

test('entries are kept as long as the operator says, and then deleted a bounded part at a time, the oldest first', async () => {
  const day = 86_400_000;
  const broker = await startBroker({ bindings: { AUDIT_RETENTION_DAYS: '30' } });
  const count = () => env.DB.prepare('SELECT count(*) AS n FROM audit_entries').first<number>('n');
  await env.DB.prepare('DELETE FROM audit_entries').run();
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 699)
     INSERT INTO audit_entries (app_id, at, id, actor, surface, action, subject, detail)
     SELECT printf('app_%d', i % 3), ?1 + i, printf('audit_%020x', i), 'operator', 'api', 'app.changed', 'x', '{}' FROM n`,
  )
    .bind(broker.now() - 30 * day)
    .run();
  const tickAtMinute47 = async () => {
    broker.advance(((107 - new Date(broker.now()).getUTCMinutes()) % 60) * 60_000);
    await broker.tick();
  };
  await broker.tick();
  expect(await count()).toBe(700);
  await tickAtMinute47();
  expect(await count()).toBe(200);
  expect(await env.DB.prepare('SELECT min(id) AS id FROM audit_entries').first('id')).toBe(
    `audit_${(500).toString(16).padStart(20, '0')}`,
  );
  broker.advance(60_000);
  await makeApp(broker);
  await tickAtMinute47();
  const { results } = await env.DB.prepare('SELECT action FROM audit_entries').all<{ action: string }>();
  expect(results.map(({ action }) => action)).toContain('app.created');
  expect(results.map(({ action }) => action)).not.toContain('app.changed');
  await tickAtMinute47();
  expect(await count()).toBe(results.length);
});
