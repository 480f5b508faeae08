import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { type Broker, connect, emptyStorage, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { type Developer, makeDeveloper } from '../support/developer.ts';

/**
 * A page of metrics is read together with the admission: who is refused gets nothing, and no row of body data is read.
 */

const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;
let other: TestApp;
let owner: Developer;

beforeAll(async () => {
  await emptyStorage();
  broker = await startBroker({ bindings: { DB: d1.d1 } });
  owner = await developerWhoCame();
  [app, other] = [await makeApp(broker, 'Womoji', owner.accountId), await makeApp(broker, 'Other')];
  for (const one of [app, other]) {
    await connect(broker, one, 'ada', 'nora');
    expect((await one.call('POST', '/withings/sync/ada')).status).toBe(200);
  }
  await broker.settle();
});
beforeEach(() => d1.reset());

type Headers = Record<string, string>;
const page = (headers: Headers, of = app) =>
  broker.request(`/apps/${of.id}/metrics/ada?metric=weight,fat_ratio`, { headers });
const keyOf = async (scopes: string[]) => {
  const minted = await broker.manage('POST', `/apps/${app.id}/keys`, { name: 'one more', scopes });
  expect(minted.status).toBe(201);
  return minted.json<{ id: string; key: string }>();
};
const userToken = async (of = app, userId = 'ada') => ({ Authorization: `Bearer ${await of.userToken(userId)}` });
/** One whose use of the token has been recorded, which happens once an hour. */
const developerWhoCame = async (expires_in_days = 90) => {
  const developer = await makeDeveloper(broker, { expires_in_days });
  expect((await developer.call('GET', '/whoami')).status).toBe(200);
  await broker.settle();
  return developer;
};
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const set = (sql: string) => env.DB.prepare(sql).run();

/**
 * Whose data it is costs at most this many rows in each statement: the credential, its account or an erasure, the app,
 * and the connection by its index.
 */
const OWNER_ROWS = 6;

/** The rows that each statement about body data has read. */
const rowsOfData = () =>
  d1.statements.filter(({ sql }) => /from (sources|measurements)/i.test(sql)).map(({ rowsRead }) => rowsRead);

const expectNothingRead = async (answer: Response, status: number) => {
  expect(answer.status).toBe(status);
  expect(await answer.json()).not.toHaveProperty('data');
  expect(d1.calls()).toBeLessThanOrEqual(1);
  for (const rows of rowsOfData()) expect(rows).toBeLessThanOrEqual(OWNER_ROWS);
};

test('who is admitted gets the page, in one round trip', async () => {
  const managers = [bearer(owner.token), bearer(broker.operatorToken)];
  for (const headers of [{ 'X-API-Key': app.key }, await userToken(), ...managers]) {
    d1.reset();
    const answer = await page(headers);
    expect((await answer.json<{ data: unknown[] }>()).data.length).toBeGreaterThan(10);
    expect(d1.calls()).toBe(1);
    expect(Math.max(...rowsOfData())).toBeGreaterThan(OWNER_ROWS + 10);
  }
});

test('a key of another app, and one without the scope, read nothing', async () => {
  await expectNothingRead(await page({ 'X-API-Key': other.key }), 404);
  const { key } = await keyOf(['sync']);
  d1.reset();
  await expectNothingRead(await page({ 'X-API-Key': key }), 403);
});

test('a revoked key reads nothing, and no user token that it minted', async () => {
  const { id, key } = await keyOf(['read', 'manage-links']);
  const minted = await broker.request(`/apps/${app.id}/withings/user-tokens`, {
    method: 'POST',
    headers: { 'X-API-Key': key, 'Content-Type': 'application/json' },
    body: JSON.stringify({ user_id: 'ada' }),
  });
  const { token } = await minted.json<{ token: string }>();
  await broker.manage('DELETE', `/apps/${app.id}/keys/${id}`);
  for (const headers of [{ 'X-API-Key': key }, { Authorization: `Bearer ${token}` }]) {
    d1.reset();
    await expectNothingRead(await page(headers), 401);
  }
});

test('a key from a browser reads nothing if the app refuses that', async () => {
  await set(`UPDATE apps SET refuse_browser_keys = 1 WHERE id = '${app.id}'`);
  await expectNothingRead(await page({ 'X-API-Key': app.key, Origin: 'https://womoji.example' }), 403);
  await set('UPDATE apps SET refuse_browser_keys = 0');
});

test('nobody reads anything of a disabled app', async () => {
  const headers = await userToken();
  await set(`UPDATE apps SET disabled_at = 1 WHERE id = '${app.id}'`);
  for (const credential of [{ 'X-API-Key': app.key }, headers, bearer(owner.token), bearer(broker.operatorToken)]) {
    d1.reset();
    await expectNothingRead(await page(credential), 403);
  }
  await set('UPDATE apps SET disabled_at = NULL');
});

describe('an access token', () => {
  const refused = async (token: string, status: number, code: string, of = app) => {
    d1.reset();
    const answer = await page(bearer(token), of);
    expect(await answer.clone().json()).toMatchObject({ code });
    await expectNothingRead(answer, status);
  };
  const handOver = (accountId: string) => set(`UPDATE apps SET account_id = '${accountId}' WHERE id = '${app.id}'`);

  test('reads nothing of an app of another account, of the operator, or of none', async () => {
    const stranger = await developerWhoCame();
    await refused(stranger.token, 404, 'app_not_found');
    await refused(owner.token, 404, 'app_not_found', other);
    for (const token of [owner.token, broker.operatorToken]) {
      await refused(token, 404, 'app_not_found', { ...app, id: 'app_none' } as TestApp);
    }
  });

  test.each([
    [
      'a revoked one',
      ({ accountId, tokenId }: Developer) => broker.manage('DELETE', `/accounts/${accountId}/tokens/${tokenId}`),
    ],
    ['one that has expired', async () => broker.advance(86_400_000)],
    [
      "a disabled account's",
      ({ accountId }: Developer) => broker.manage('PATCH', `/accounts/${accountId}`, { disabled: true }),
    ],
  ])('%s reads nothing of its own app, though this isolate knows it', async (_, end) => {
    const developer = await developerWhoCame(1);
    await handOver(developer.accountId);
    expect((await page(bearer(developer.token))).status).toBe(200);
    await end(developer);
    await refused(developer.token, 401, 'invalid_access_token');
    await handOver(owner.accountId);
  });
});

test('a user token of another user, or from before the erasure, reads nothing', async () => {
  const [before, another] = [await userToken(other), await userToken(other, 'bob')];
  d1.reset();
  await expectNothingRead(await page(another, other), 401);
  expect((await other.call('DELETE', '/users/ada')).ok).toBe(true);
  d1.reset();
  await expectNothingRead(await page(before, other), 401);
});

test.each(['metric=weight,fat_ratio', ''])(
  'a client that has the page already reads next to nothing: %s',
  async (query) => {
    const read = (tag: string) =>
      broker.request(`/apps/${app.id}/metrics/ada?${query}`, {
        headers: { 'X-API-Key': app.key, 'If-None-Match': tag },
      });
    const tag = (await read('"none"')).headers.get('ETag') ?? '';
    d1.reset();
    expect((await read(tag)).status).toBe(304);
    expect(Math.max(...rowsOfData())).toBeLessThanOrEqual(OWNER_ROWS);
    expect(d1.rowsRead()).toBeLessThanOrEqual(18);
    expect(d1.calls()).toBe(1);

    // Of the same data in another form, of another connection, and of data that is gone: each is read whole.
    const { data } = await (await read('"none"')).json<{ data: unknown[] }>();
    const [, id = '', version = ''] = /"2-(\d+)-(\d+)-/.exec(tag) ?? [];
    for (const other of [
      `"2-${id}-${version}-csv"`,
      `"2-1${id}-${version}-json"`,
      `"2-${id}-${version}0-json"`,
      `W/"x", ${tag}x`,
    ]) {
      const answer = await read(other);
      expect([answer.status, await answer.json<{ data: unknown[] }>()]).toMatchObject([200, { data }]);
    }
  },
);
