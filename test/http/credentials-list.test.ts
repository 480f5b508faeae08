import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { type Broker, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { dashboardBrowser } from '../support/dashboard.ts';
import { makeDeveloper } from '../support/developer.ts';

/** API keys and access tokens: whatever works is listed, and what is listed has a bound. */

let broker: Broker;
let app: TestApp;
let account: Awaited<ReturnType<typeof makeDeveloper>>;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker();
  app = await makeApp(broker);
  account = await makeDeveloper(broker);
});

type Listed = {
  data: { id: string; revoked_at: string | null; expires_at?: string | null }[];
  next_cursor: string | null;
};

const pages = async (path: string): Promise<Listed[]> => {
  const all: Listed[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const answer = await broker.manage('GET', `${path}${cursor === '' ? '' : `?cursor=${cursor}`}`);
    expect(answer.status).toBe(200);
    const page: Listed = await answer.json();
    all.push(page);
    cursor = page.next_cursor;
  }
  return all;
};

/** As an earlier release may have left them, without any bound: so many, of which every `nth` is over. */
const seed = async (kind: 'keys' | 'tokens', count: number, revoked: (index: number) => boolean): Promise<void> => {
  const rows = Array.from({ length: count }, (_, index) => ({
    hash: `${kind}-${index}`,
    id: `${kind === 'keys' ? 'key' : 'token'}_${index.toString(16).padStart(20, '0')}`,
    createdAt: 1_000 + Math.floor(index / 3),
    revokedAt: revoked(index) ? 5_000 : null,
  }));
  await env.DB.prepare(
    kind === 'keys'
      ? `INSERT INTO api_keys (hash, id, app_id, name, hint, scopes, created_at, revoked_at)
         SELECT value ->> 'hash', value ->> 'id', ?2, 'seeded', '0000', 'read', value ->> 'createdAt', value ->> 'revokedAt' FROM json_each(?1)`
      : `INSERT INTO access_tokens (hash, id, account_id, name, hint, created_at, revoked_at)
         SELECT value ->> 'hash', value ->> 'id', ?2, 'seeded', '0000', value ->> 'createdAt', value ->> 'revokedAt' FROM json_each(?1)`,
  )
    .bind(JSON.stringify(rows), kind === 'keys' ? app.id : account.accountId)
    .run();
};

const KINDS = [
  ['keys', () => `/apps/${app.id}/keys`, 'too_many_keys'],
  ['tokens', () => `/accounts/${account.accountId}/tokens`, 'too_many_access_tokens'],
] as const;

describe.each(KINDS)('%s', (kind, path, code) => {
  test('are all listed once, by pages, the valid ones first', async () => {
    await seed(kind, 250, (index) => index % 5 !== 0);
    const listed = (await pages(path())).flatMap(({ data }) => data);
    expect(listed).toHaveLength(251);
    expect(new Set(listed.map(({ id }) => id)).size).toBe(251);
    const isOver = listed.map(({ revoked_at: at }) => at !== null);
    expect(isOver.indexOf(true)).toBe(51);
    expect(isOver.lastIndexOf(false)).toBe(50);
  });

  test('that are valid are all listed, also the more than a hundred of an earlier release', async () => {
    await seed(kind, 230, () => false);
    expect((await pages(path())).map(({ data }) => data.length)).toEqual([100, 100, 31]);
  });

  test('have a limit of a hundred that are valid, also when they are made at once, and revoking makes room', async () => {
    await seed(kind, 97, () => false);
    await seed(kind === 'keys' ? 'tokens' : 'keys', 99, () => false);
    const create = () => broker.manage('POST', path(), { name: 'one more' });
    const made = await Promise.all(Array.from({ length: 6 }, create));
    expect(made.filter(({ status }) => status === 201)).toHaveLength(2);
    const refused = made.find(({ status }) => status === 409);
    expect(await refused?.json()).toMatchObject({ code });
    const [first] = await pages(path());
    expect(first?.data).toHaveLength(100);
    const { data } = await (await broker.manage('GET', `/audit`)).json<{ data: { action: string }[] }>();
    const action = kind === 'keys' ? 'api_key.created' : 'access_token.created';
    // The one that was there, and two.
    expect(data.filter((entry) => entry.action === action)).toHaveLength(3);
    await broker.manage('DELETE', `${path()}/${first?.data[0]?.id}`);
    expect((await create()).status).toBe(201);
    expect((await create()).status).toBe(409);
  });

  test('of another list, or made up, are no cursor', async () => {
    for (const cursor of ['x', '2.1.key_00000000000000000000', '0.1.key_x']) {
      expect((await broker.manage('GET', `${path()}?cursor=${cursor}`)).status).toBe(400);
    }
  });
});

test('tokens that expired make room, and stand behind the valid ones', async () => {
  await env.DB.prepare('UPDATE access_tokens SET expires_at = ?1').bind(broker.now()).run();
  await seed('tokens', 99, () => false);
  const path = `/accounts/${account.accountId}/tokens`;
  expect((await broker.manage('POST', path, { name: 'one more' })).status).toBe(201);
  expect((await broker.manage('POST', path, { name: 'one more' })).status).toBe(409);
  const listed = await pages(path);
  expect(listed.map(({ data }) => data.length)).toEqual([100, 1]);
  expect(listed[1]?.data[0]).toMatchObject({ revoked_at: null, expires_at: new Date(broker.now()).toISOString() });
});

test('the dashboard pages through them, and says what a limit means', async () => {
  await seed('keys', 150, (index) => index >= 99);
  const browser = dashboardBrowser(broker);
  await browser.signIn(broker.operatorToken);
  const first = await browser.get(`/dashboard/apps/${app.id}/keys`);
  expect(first.html.match(/Revoke key/g)).toHaveLength(100);
  const next = /href="([^"]*after=[^"]*)"/.exec(first.html)?.[1] ?? '';
  const second = await browser.get(next);
  expect(second.html).not.toContain('Revoke key');
  expect(second.html.match(/>Revoked</g)).toHaveLength(51);
  const refused = await browser.submit(`/dashboard/apps/${app.id}/keys`, `/dashboard/apps/${app.id}/keys`, {
    name: 'one more',
    scopes: 'read',
  });
  expect(refused.status).toBe(409);
  expect(refused.html).toContain('at most 100 valid keys');
});
