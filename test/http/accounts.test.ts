import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { type Broker, connect, emptyTables, makeApp, startBroker } from '../support/broker.ts';
import { type Developer, makeDeveloper } from '../support/developer.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

const codeOf = async (answer: Response) => ({
  status: answer.status,
  code: (await answer.json<{ code?: string }>()).code,
});

const revoked = async (broker: Broker, developer: Developer) =>
  broker.manage('DELETE', `/accounts/${developer.accountId}/tokens/${developer.tokenId}`);

test.each([
  { name: 'none', token: '', code: 'access_token_missing' },
  { name: 'garbage', token: 'Bearer garbage', code: 'invalid_access_token' },
  { name: 'a mistyped one', token: `Bearer mushu_access_${'0'.repeat(72)}`, code: 'invalid_access_token' },
])('a request with $name is refused without asking the database', async ({ token, code }) => {
  const broker = await startBroker();
  const unreachable = new Proxy(env.DB, {
    get: () => () => {
      throw new Error('the database was asked');
    },
  });
  broker.deploy({ DB: unreachable });
  const answer = await broker.request('/whoami', { headers: token === '' ? {} : { Authorization: token } });
  expect(await codeOf(answer)).toEqual({ status: 401, code });
});

test.each([
  { name: 'revoked', end: revoked },
  { name: 'expired', end: async (broker: Broker) => broker.advance(30 * DAY_MS) },
  {
    name: "a disabled account's",
    end: (broker: Broker, { accountId }: Developer) =>
      broker.manage('PATCH', `/accounts/${accountId}`, { disabled: true }),
  },
])('a token that is $name is refused from the next request on', async ({ end }) => {
  const broker = await startBroker();
  const developer = await makeDeveloper(broker, { expires_in_days: 30 });
  const { id } = await (await developer.call('POST', '/apps', { name: 'Mine' })).json<{ id: string }>();
  expect((await developer.call('GET', `/apps/${id}`)).status).toBe(200);
  await end(broker, developer);
  for (const path of ['/whoami', '/apps', `/apps/${id}`, '/tokens', `/apps/${id}/withings/status/ada`]) {
    const answer = await developer.call('GET', path);
    expect(await codeOf(answer), path).toEqual({ status: 401, code: 'invalid_access_token' });
  }
});

test('accounts are for the operator alone, and a developer cannot give an app away', async () => {
  const broker = await startBroker();
  const [ada, bob] = [await makeDeveloper(broker), await makeDeveloper(broker)];
  for (const [method, path, body] of [
    ['GET', '/accounts'],
    ['POST', '/accounts', { name: 'Eve' }],
    ['GET', `/accounts/${ada.accountId}`],
    ['PATCH', `/accounts/${bob.accountId}`, { disabled: true }],
    ['GET', `/accounts/${bob.accountId}/tokens`],
    ['POST', `/accounts/${bob.accountId}/tokens`, { name: 'x' }],
    ['DELETE', `/accounts/${bob.accountId}/tokens/${bob.tokenId}`],
    ['POST', '/apps', { name: 'Gift', account_id: bob.accountId }],
  ] as const) {
    const answer = await ada.call(method, path, body);
    expect(await codeOf(answer), `${method} ${path}`).toEqual({ status: 403, code: 'operator_only' });
  }
  expect((await bob.call('GET', '/whoami')).status).toBe(200);
  expect((await (await bob.call('GET', '/apps')).json<{ data: unknown[] }>()).data).toEqual([]);
});

test('an app is given to no account that is not there', async () => {
  const broker = await startBroker();
  const given = await broker.manage('POST', '/apps', { name: 'Gift', account_id: 'acct_0123456789abcdef0123' });
  expect(await codeOf(given)).toEqual({ status: 404, code: 'not_found' });
  expect(await (await broker.manage('GET', '/apps')).text()).not.toContain('Gift');
});

test("the operator's token has no tokens of its own, and says whose to name", async () => {
  const broker = await startBroker();
  expect(await codeOf(await broker.manage('GET', '/tokens'))).toEqual({ status: 409, code: 'account_needed' });
  expect(await (await broker.manage('GET', '/whoami')).json()).toEqual({
    role: 'operator',
    account: null,
    token: null,
  });
  expect((await broker.manage('POST', '/accounts/acct_nobody/tokens', { name: 'x' })).status).toBe(404);
});

test("a developer makes, lists and revokes tokens of the account's own, and the database holds only hashes", async () => {
  const broker = await startBroker();
  const developer = await makeDeveloper(broker);
  const made = await developer.call('POST', '/tokens', { name: 'laptop', expires_in_days: 7 });
  expect(made.status).toBe(201);
  const { id, token, expires_at: expiresAt } = await made.json<{ id: string; token: string; expires_at: string }>();
  expect(Date.parse(expiresAt)).toBe(broker.now() + 7 * DAY_MS);
  const asLaptop = { headers: { Authorization: `Bearer ${token}` } };
  expect(await (await broker.request('/whoami', asLaptop)).json()).toMatchObject({
    role: 'developer',
    account: { id: developer.accountId },
    token: { id, name: 'laptop' },
  });
  const { data } = await (await developer.call('GET', '/tokens')).json<{ data: { name: string; hint: string }[] }>();
  expect(data.map(({ name }) => name).sort()).toEqual(['first', 'laptop']);
  const { results } = await env.DB.prepare('SELECT * FROM access_tokens').all();
  expect(JSON.stringify([results, data])).not.toContain(token);

  expect((await developer.call('DELETE', `/tokens/${id}`)).status).toBe(204);
  expect((await developer.call('DELETE', `/tokens/${id}`)).status).toBe(204);
  expect((await developer.call('DELETE', '/tokens/token_unknown')).status).toBe(404);
  expect((await broker.request('/whoami', asLaptop)).status).toBe(401);
});

test('the use of a token is noted at most hourly', async () => {
  const broker = await startBroker();
  const developer = await makeDeveloper(broker);
  const lastUsed = async () => {
    await broker.settle();
    const { data } = await (
      await broker.manage('GET', `/accounts/${developer.accountId}/tokens`)
    ).json<{ data: { last_used_at: string | null }[] }>();
    return data[0]?.last_used_at;
  };
  expect(await lastUsed()).toBeNull();
  await developer.call('GET', '/whoami');
  const first = await lastUsed();
  expect(first).toBe(new Date(broker.now()).toISOString());
  broker.advance(30 * 60_000);
  await developer.call('GET', '/whoami');
  expect(await lastUsed()).toBe(first);
  broker.advance(31 * 60_000);
  await developer.call('GET', '/whoami');
  expect(await lastUsed()).toBe(new Date(broker.now()).toISOString());
});

test("an owner's access token reads and syncs a user of the app, and stops where the app is disabled", async () => {
  const broker = await startBroker();
  const developer = await makeDeveloper(broker);
  const app = await makeApp(broker, 'Mine', developer.accountId);
  const [person] = broker.simulator.state.people.list();
  await connect(broker, app, 'ada', person?.id ?? '');
  expect((await developer.call('POST', `/apps/${app.id}/withings/sync/ada`)).status).toBe(200);
  const metrics = await developer.call('GET', `/apps/${app.id}/metrics/ada?metric=weight&limit=1`);
  expect((await metrics.json<{ data: unknown[] }>()).data).toHaveLength(1);
  await developer.call('PATCH', `/apps/${app.id}`, { disabled: true });
  expect(await codeOf(await developer.call('GET', `/apps/${app.id}/metrics/ada`))).toEqual({
    status: 403,
    code: 'app_disabled',
  });
  expect((await developer.call('GET', `/apps/${app.id}`)).status).toBe(200);
});

test("lists the users of a disabled app for its manager, and not for the app's key", async () => {
  const broker = await startBroker();
  const developer = await makeDeveloper(broker);
  const app = await makeApp(broker, 'Mine', developer.accountId);
  await developer.call('PATCH', `/apps/${app.id}`, { disabled: true });
  const path = '/withings/connections';
  expect(await codeOf(await app.call('GET', path))).toEqual({ status: 403, code: 'app_disabled' });
  expect((await developer.call('GET', `/apps/${app.id}${path}`)).status).toBe(200);
});

test('of two people who edit one app, the second is told that it changed meanwhile', async () => {
  const broker = await startBroker();
  const developer = await makeDeveloper(broker);
  const app = await makeApp(broker, 'Mine', developer.accountId);
  const etag = (await developer.call('GET', `/apps/${app.id}`)).headers.get('ETag') ?? '';
  const edit = (body: object) => developer.call('PATCH', `/apps/${app.id}`, body, { 'If-Match': etag });
  const outcomes = await Promise.all([edit({ name: 'One' }), edit({ name: 'Two' })]);
  expect(outcomes.map(({ status }) => `${status}`).sort()).toEqual(['200', '412']);
  expect(await codeOf(await edit({ link_policy: 'confirm' }))).toEqual({ status: 412, code: 'app_changed' });
  const now = await developer.call('GET', `/apps/${app.id}`);
  expect(await now.json()).toMatchObject({ link_policy: 'open' });
  const winner = outcomes.find(({ status }) => status === 200);
  expect(winner?.headers.get('ETag')).toBe(now.headers.get('ETag'));
});

test('lists of apps go on where they ended and hold only what is theirs', async () => {
  const broker = await startBroker();
  const [ada, bob] = [await makeDeveloper(broker), await makeDeveloper(broker)];
  for (let count = 0; count < 66; count += 1) {
    await (count % 6 === 0 ? bob : ada).call('POST', '/apps', { name: `App ${count}` });
  }
  type Page = { data: { id: string; account_id: string }[]; next_cursor: string | null };
  const page = async (cursor: string) => (await ada.call('GET', `/apps${cursor}`)).json<Page>();
  const first = await page('');
  expect(first.data).toHaveLength(50);
  expect(first.next_cursor).not.toBeNull();
  for (let more = 0; more < 5; more += 1) await ada.call('POST', '/apps', { name: 'Later' });
  const second = await page(`?cursor=${first.next_cursor}`);
  const ids = [...first.data, ...second.data].map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(second.next_cursor).toBeNull();
  expect([...first.data, ...second.data].every(({ account_id: owner }) => owner === ada.accountId)).toBe(true);
});

test("a developer reads the changes of the account and its tokens, whoever made them, and nobody else's", async () => {
  await emptyTables();
  const broker = await startBroker();
  const [ada, bob] = [await makeDeveloper(broker), await makeDeveloper(broker)];
  await bob.call('POST', '/tokens', { name: 'bobs', expires_in_days: 7 });
  const { id } = await (
    await ada.call('POST', '/tokens', { name: 'laptop', expires_in_days: 7 })
  ).json<{
    id: string;
  }>();
  await broker.manage('DELETE', `/accounts/${ada.accountId}/tokens/${id}`);
  await broker.manage('PATCH', `/accounts/${ada.accountId}`, { name: 'Ada & Sons' });
  type Trail = { data: { action: string; actor: string; subject: string; account_id: string | null }[] };
  const { data } = await (await ada.call('GET', '/audit')).json<Trail>();
  expect(data.map(({ action, actor, subject }) => [action, actor, subject])).toEqual(
    expect.arrayContaining([
      ['account.created', 'operator', ada.accountId],
      ['access_token.created', 'operator', ada.tokenId],
      ['access_token.created', ada.accountId, id],
      ['access_token.revoked', 'operator', id],
      ['account.changed', 'operator', ada.accountId],
    ]),
  );
  expect(data.map((entry) => entry.account_id)).toEqual(Array(5).fill(ada.accountId));
  const whole = await (await broker.manage('GET', '/audit')).text();
  for (const owner of [ada, bob]) expect(whole).toContain(owner.tokenId);
});
