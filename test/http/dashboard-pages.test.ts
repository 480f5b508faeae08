import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { dashboard } from '../../src/http/dashboard/app.tsx';
import {
  connect,
  emptyTables,
  makeApp,
  ORIGIN,
  startBroker,
  type Broker,
  type TestApp,
  WEB,
} from '../support/broker.ts';
import { type DashboardBrowser, dashboardBrowser, formToken } from '../support/dashboard.ts';
import { makeDeveloper } from '../support/developer.ts';

let broker: Broker;
let browser: DashboardBrowser;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker();
  browser = dashboardBrowser(broker);
  await browser.signIn(broker.operatorToken);
});

const connectAda = async (app: TestApp): Promise<void> => {
  const [person] = [...broker.simulator.state.people.list()];
  await connect(broker, app, 'ada', person?.id ?? '');
  await app.call('POST', '/withings/sync/ada');
};

describe('a session of a developer', () => {
  test('ends when the token that it signed in with is revoked', async () => {
    const { accountId, tokenId, token } = await makeDeveloper(broker);
    const theirs = dashboardBrowser(broker);
    await theirs.signIn(token);
    expect((await theirs.get('/dashboard/account')).html).toContain(accountId);
    await broker.manage('DELETE', `/accounts/${accountId}/tokens/${tokenId}`);
    expect((await theirs.get('/dashboard/account')).path).toContain('/dashboard/sign-in');
    expect((await theirs.signIn(token)).status).toBe(401);
  });

  test('ends when the token expires or the account is disabled', async () => {
    const brief = await makeDeveloper(broker, { expires_in_days: 1 });
    const disabled = await makeDeveloper(broker);
    const [one, other] = [dashboardBrowser(broker), dashboardBrowser(broker)];
    broker.advance(24 * 60 * 60 * 1000 - 1);
    await one.signIn(brief.token);
    await other.signIn(disabled.token);
    expect((await one.get('/dashboard/apps')).status).toBe(200);
    broker.advance(1);
    expect((await one.get('/dashboard/apps')).path).toContain('/dashboard/sign-in');
    expect((await other.get('/dashboard/apps')).path).toBe('/dashboard/apps');
    await broker.manage('PATCH', `/accounts/${disabled.accountId}`, { disabled: true });
    expect((await other.get('/dashboard/apps')).path).toContain('/dashboard/sign-in');
  });
});

describe("another developer's app", () => {
  /** Every route below an app, by the router, filled in with what is there. */
  const routesOf = (method: 'GET' | 'POST'): string[] =>
    dashboard.routes
      .filter((route) => route.method === method && route.path.startsWith('/apps/:app_id'))
      .map(({ path }) =>
        path.replace('/apps/:app_id', '').replace(':user_id', 'ada').replace(':key_id', 'key_1').replace(/\/$/, ''),
      );
  const PAGES = routesOf('GET');
  const FORMS = routesOf('POST');
  let app: TestApp;
  let stranger: DashboardBrowser;

  beforeEach(async () => {
    app = await makeApp(broker, 'Operator’s own');
    await connectAda(app);
    const { token } = await makeDeveloper(broker);
    stranger = dashboardBrowser(broker);
    await stranger.signIn(token);
  });

  test('is on no page: the same answer as for an app that does not exist', async () => {
    expect(PAGES).toEqual(expect.arrayContaining(['', '/users/ada', '/audit']));
    expect((await stranger.get('/dashboard/apps')).html).not.toContain(app.id);
    for (const path of PAGES) {
      const [theirs, none] = [
        await stranger.get(`/dashboard/apps/${app.id}${path}`),
        await stranger.get(`/dashboard/apps/app_none${path}`),
      ];
      expect([theirs.status, none.status], path).toEqual([404, 404]);
      expect(theirs.html, path).not.toContain('Operator’s own');
    }
  });

  test('is changed by no form', async () => {
    expect(FORMS).toEqual(
      expect.arrayContaining(['/delete', '/users/ada/erase', '/keys/settings', '/keys/revoke/key_1']),
    );
    const token = formToken((await stranger.get('/dashboard/apps')).html);
    const state = async () =>
      JSON.stringify(
        await env.DB.batch(
          ['apps', 'api_keys', 'redirect_uris', 'connections'].map((table) => env.DB.prepare(`SELECT * FROM ${table}`)),
        ).then((all) => all.map(({ results }) => results)),
      );
    const before = await state();
    for (const path of FORMS) {
      const answer = await stranger.postRaw(
        `/dashboard/apps/${app.id}${path}`,
        [
          ['form_token', token],
          ['name', 'Mine'],
          ['uri', 'mine://x/y'],
          ['confirmation', 'ada'],
          ['link_policy', 'open'],
        ],
        { Origin: ORIGIN },
      );
      expect(answer.status, path).toBe(404);
    }
    expect(await state()).toBe(before);
  });

  test('nor is what belongs to the operator', async () => {
    const { accountId } = await makeDeveloper(broker);
    for (const path of ['/broker', '/developers', `/developers/${accountId}`]) {
      expect((await stranger.get(`/dashboard${path}`)).status, path).toBe(404);
    }
    const trail = (await stranger.get('/dashboard/audit')).html;
    expect(trail).toContain('Account created');
    for (const theirs of [accountId, app.id]) expect(trail).not.toContain(theirs);
    const token = formToken((await stranger.get('/dashboard/apps')).html);
    for (const path of ['/developers', `/developers/${accountId}/tokens`, `/developers/${accountId}/disable`]) {
      const fields: [string, string][] = [
        ['form_token', token],
        ['name', 'x'],
        ['expires_in_days', '90'],
      ];
      expect((await stranger.postRaw(`/dashboard${path}`, fields, { Origin: ORIGIN })).status, path).toBe(404);
    }
    expect(await env.DB.prepare('SELECT count(*) AS n FROM accounts').first('n')).toBe(2);
  });
});

describe('what somebody else wrote', () => {
  const PAYLOADS = [
    `<script>alert(1)</script>`,
    `"><img src=x onerror=alert(1)>`,
    `' autofocus onfocus='alert(1)`,
    `</title><svg/onload=alert(1)>`,
    `{{7*7}}\${7*7}`,
  ];

  test.each(PAYLOADS)('stays text, as an app’s, a key’s, an account’s name: %s', async (payload) => {
    const created = await browser.submit('/dashboard/apps', '/dashboard/apps', { name: payload });
    const path = created.path.replace(/\/health.*/, '');
    await browser.submit(`${path}/keys`, `${path}/keys`, { name: payload, scopes: ['read'] });
    await browser.submit('/dashboard/developers', '/dashboard/developers', { name: payload });
    for (const page of [
      '/dashboard/apps',
      '/dashboard/developers',
      path,
      `${path}/health`,
      `${path}/keys`,
      `${path}/audit`,
    ]) {
      const { html, headers } = await browser.get(page);
      expect(html, page).not.toMatch(/<script|<img|<svg\/|onfocus='|onerror=alert\(1\)>(?!)/);
      expect(html, page).not.toContain(payload.includes('<') || payload.includes(`'`) ? payload : '\0');
      expect(headers.get('Content-Security-Policy'), page).toContain("default-src 'none'");
      expect(headers.get('Content-Security-Policy'), page).not.toContain('unsafe');
    }
  });

  test('stays text, as a user id, a refused URI, a search and a test', async () => {
    const app = await makeApp(broker);
    const [person] = [...broker.simulator.state.people.list()];
    const userId = `"><b>'&x=1`;
    await connect(broker, app, userId, person?.id ?? '');
    const path = `/dashboard/apps/${app.id}`;
    const refused = await browser.submit(`${path}/health`, `${path}/health/redirect-uris`, { uri: 'javascript:"><b>' });
    expect(refused.status).toBe(422);
    const pages = [
      refused,
      await browser.get(`${path}/users`),
      await browser.get(`${path}/users/${encodeURIComponent(userId)}`),
      await browser.get(`${path}/users?q=${encodeURIComponent('"><b>')}`),
      await browser.get(`${path}/health?test=${encodeURIComponent('"><b>')}`),
    ];
    for (const { html } of pages) expect(html).not.toContain('<b>');
    expect(pages[2]?.status).toBe(200);
  });

  test('is no link where it is a redirect URI: only “Try it” leads there, by way of the flow', async () => {
    const app = await makeApp(broker);
    const { html } = await browser.get(`/dashboard/apps/${app.id}/health`);
    const links = [...html.matchAll(/href="([^"]*)"/g)].map(([, href = '']) => href);
    expect(html).toContain('womoji://withings/success');
    expect(links.filter((href) => !href.startsWith('/') && !href.startsWith('#'))).toEqual([]);
    // On the computer of who tries it, a custom scheme opens nothing; a web address does.
    const tries = links.filter((href) => href.includes('/withings/auth?')).map((href) => href.replaceAll('&amp;', '&'));
    const endings = tries.map((href) => new URLSearchParams(href.split('?')[1]));
    expect(Object.fromEntries(endings.map((query) => [query.get('redirect_uri'), query.get('ending')]))).toEqual({
      [WEB]: null,
      'womoji://withings/success': 'page',
    });
  });
});

describe('secrets', () => {
  test('are in no page, but a new key once in the answer that made it', async () => {
    const app = await makeApp(broker);
    await connectAda(app);
    const path = `/dashboard/apps/${app.id}`;
    const created = await browser.submit(`${path}/keys`, `${path}/keys`, { name: 'new', scopes: ['read', 'sync'] });
    const [key = ''] = /mushu_key_[0-9a-f]{72}/.exec(created.html) ?? [];
    expect(created.status).toBe(201);
    expect(created.headers.get('Cache-Control')).toBe('no-store');
    const developer = await makeDeveloper(broker);
    const made = await browser.submit(
      `/dashboard/developers/${developer.accountId}`,
      `/dashboard/developers/${developer.accountId}/tokens`,
      { name: 'second', expires_in_days: '30' },
    );
    const [token = ''] = /mushu_access_[0-9a-f]{72}/.exec(made.html) ?? [];
    expect((await broker.request('/apps', { headers: { Authorization: `Bearer ${token}` } })).status).toBe(200);

    browser.seen.length = 0;
    for (const page of ['', '/health', '/users', '/users/ada', '/keys', '/audit']) await browser.get(path + page);
    for (const page of ['apps', 'account', 'broker', 'developers', `developers/${developer.accountId}`]) {
      await browser.get(`/dashboard/${page}`);
    }
    const shown = browser.seen.join('\n');
    for (const secret of [key, token, app.key, developer.token, broker.operatorToken]) {
      expect(secret).not.toBe('');
      expect(shown).not.toContain(secret);
    }
    expect(shown).not.toMatch(/mushu_(key|access|operator|session)_[0-9a-f]{16}/);
    const sealed = await env.DB.prepare('SELECT refresh_token_sealed AS sealed FROM connections').first<string>(
      'sealed',
    );
    expect(shown).not.toContain(sealed);
    for (const cookie of browser.cookies.values()) expect(shown).not.toContain(cookie);
  });
});

test('a form’s mistake is told beside its field, what was written stays, and nothing is changed', async () => {
  const app = await makeApp(broker);
  const path = `/dashboard/apps/${app.id}`;
  const unnamed = await browser.submit('/dashboard/apps', '/dashboard/apps', { name: ' ' });
  expect([unnamed.status, unnamed.html.includes('id="name-error"')]).toEqual([422, true]);
  const powerless = await browser.submit(`${path}/keys`, `${path}/keys`, { name: 'x' });
  expect([powerless.status, powerless.html.includes('Choose at least one')]).toEqual([422, true]);
  const refused = await browser.submit(`${path}/health`, `${path}/health/redirect-uris`, {
    uri: 'HTTPS://a.example/x',
  });
  expect(refused.status).toBe(422);
  expect(refused.html).toContain('value="HTTPS://a.example/x"');
  expect(refused.html).toContain('aria-invalid="true"');
  expect(await env.DB.prepare('SELECT count(*) AS n FROM redirect_uris').first('n')).toBe(2);
  expect(await env.DB.prepare('SELECT count(*) AS n FROM api_keys').first('n')).toBe(1);
});

test('what a page changes is in force at the next request, and the audit names the dashboard', async () => {
  const app = await makeApp(broker);
  const path = `/dashboard/apps/${app.id}`;
  const uri = 'com.example.app:/withings/done';
  await browser.submit(`${path}/health`, `${path}/health/redirect-uris`, { uri });
  const link = `/apps/${app.id}/withings/auth?user_id=eve&redirect_uri=${encodeURIComponent(uri)}`;
  expect((await broker.request(link)).status).toBe(302);
  expect((await browser.get(`${path}/health?test=${encodeURIComponent(uri)}`)).html).toContain('It is accepted');
  await browser.submit(`${path}/health`, `${path}/health/redirect-uris/remove`, { uri });
  expect((await broker.request(link)).status).toBe(400);
  await browser.submit(`${path}/health`, `${path}/health/link-policy`, { link_policy: 'session' });
  const minted = await browser.submit(`${path}/health`, `${path}/health/try`, { uri: 'womoji://withings/success' });
  const [, href = ''] = /href="(\/apps\/[^"]+session=[^"]+)"/.exec(minted.html) ?? [];
  expect((await broker.request(href)).status).toBe(302);
  await browser.submit(path, `${path}/disable`);
  expect((await app.call('GET', '/withings/status/eve')).status).toBe(403);
  const { html } = await browser.get(`${path}/audit`);
  for (const words of ['Redirect URI removed', 'App changed', 'dashboard', 'Operator']) expect(html).toContain(words);
});

test('erasing a user or deleting an app takes the typed id, and nothing else', async () => {
  const app = await makeApp(broker);
  await connectAda(app);
  const path = `/dashboard/apps/${app.id}`;
  const count = (table: string) => env.DB.prepare(`SELECT count(*) AS n FROM ${table}`).first<number>('n');
  for (const confirmation of ['', 'Ada', 'ada ', app.id]) {
    expect((await browser.submit(`${path}/users/ada`, `${path}/users/ada/erase`, { confirmation })).status).toBe(409);
  }
  expect(await count('measurements')).toBeGreaterThan(0);
  expect((await browser.submit(path, `${path}/delete`, { confirmation: 'Womoji' })).status).toBe(422);
  await browser.submit(`${path}/users/ada`, `${path}/users/ada/erase`, { confirmation: 'ada' });
  expect([await count('measurements'), await count('connections'), await count('apps')]).toEqual([0, 0, 1]);
  await browser.submit(path, `${path}/delete`, { confirmation: app.id });
  expect(await count('apps')).toBe(0);
});

describe('a form with a field that its page does not have', () => {
  const FOREIGN = { account_id: 'acct_00000000000000000000', disabled: 'true', planted: 'planted-by-a-form' };

  test.each([
    ['/name', { name: 'Ours' }, ''],
    ['/keys', { name: 'One', scopes: 'read' }, '/keys'],
    ['/keys/settings', { refuse_browser_keys: 'true' }, '/keys'],
    ['/health/link-policy', { link_policy: 'confirm' }, '/health'],
    ['/health/redirect-uris', { uri: 'https://more.example.com/done' }, '/health'],
  ] as [string, Record<string, string>, string][])(
    'changes nothing, and nothing of it is noted: %s',
    async (form, fields, page) => {
      const app = await makeApp(broker);
      const path = `/dashboard/apps/${app.id}`;
      const state = async () => [
        await (await broker.manage('GET', `/apps/${app.id}`)).json(),
        (await (await broker.manage('GET', `/apps/${app.id}/keys`)).json<{ data: unknown[] }>()).data.length,
        (await (await broker.manage('GET', `/apps/${app.id}/redirect-uris`)).json<{ data: unknown[] }>()).data.length,
        (await (await broker.manage('GET', `/apps/${app.id}/audit`)).json<{ data: unknown[] }>()).data,
      ];
      const before = await state();
      for (const [name, value] of Object.entries(FOREIGN)) {
        const refused = await browser.submit(`${path}${page}`, `${path}${form}`, { ...fields, [name]: value });
        expect([400, 422], name).toContain(refused.status);
      }
      expect(await state()).toEqual(before);
      const taken = await browser.submit(`${path}${page}`, `${path}${form}`, fields);
      expect(taken.status).toBeLessThan(300);
      expect(await state()).not.toEqual(before);
    },
  );

  test.each([
    ['/dashboard/apps', { name: 'New' }, '/dashboard/apps'],
    ['/dashboard/developers', { name: 'New' }, '/dashboard/developers'],
  ])('makes nothing: %s', async (form, fields, page) => {
    const before = await env.DB.prepare('SELECT count(*) AS n FROM audit_entries').first('n');
    expect((await browser.submit(page, form, { ...fields, ...FOREIGN })).status).toBe(422);
    expect(await env.DB.prepare('SELECT count(*) AS n FROM audit_entries').first('n')).toBe(before);
  });
});

test.each([0, -0, 5e-324, 1e15, 4.6e15, 1e16, 1e22, -1e22, 1e99, 1e101, 1e300, 1.7e308, -1.7e308])(
  'a user’s page is shown with a value of %s, alone and among others',
  async (value) => {
    const app = await makeApp(broker);
    await connectAda(app);
    const path = `/dashboard/apps/${app.id}/users/ada`;
    const newest = await env.DB.prepare('SELECT max(measured_seconds) AS n FROM measurements').first<number>('n');
    await env.DB.prepare('UPDATE measurements SET value = ?1 WHERE measured_seconds = ?2').bind(value, newest).run();
    for (const range of ['month', 'quarter', 'year', 'all']) {
      expect((await browser.get(`${path}?range=${range}`)).status, range).toBe(200);
    }
    await env.DB.prepare('UPDATE measurements SET value = ?1').bind(value).run();
    for (const range of ['month', 'all']) {
      const { status, html } = await browser.get(`${path}?range=${range}`);
      expect(status, range).toBe(200);
      expect(html).not.toMatch(/NaN|Infinity/);
    }
  },
);

describe('of two people who change one app', () => {
  test('the second one is told who did what, and undoes nothing', async () => {
    const app = await makeApp(broker);
    const path = `/dashboard/apps/${app.id}`;
    const stale = {
      overview: (await browser.get(path)).html,
      health: (await browser.get(`${path}/health`)).html,
      keys: (await browser.get(`${path}/keys`)).html,
    };
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'confirm', shared_accounts: 'refuse' });
    const late = [
      await browser.submitFrom(stale.health, `${path}/health/link-policy`, { link_policy: 'open' }),
      await browser.submitFrom(stale.keys, `${path}/keys/settings`, { refuse_browser_keys: 'true' }),
      await browser.submitFrom(stale.overview, `${path}/name`, { name: 'Mine' }),
      await browser.submitFrom(stale.overview, `${path}/disable`),
    ];
    for (const { status, html } of late) {
      expect(status).toBe(412);
      expect(html).toContain('link policy: confirm · shared accounts: refuse');
      expect(html).toMatch(/by Operator\s+through\s+the API/);
    }
    const unchanged = { name: 'Womoji', link_policy: 'confirm', shared_accounts: 'refuse', refuse_browser_keys: false };
    const shown = await (await broker.manage('GET', `/apps/${app.id}`)).json();
    expect(shown).toMatchObject({ ...unchanged, disabled: false });
  });

  test('each may, on a page that shows what the other did', async () => {
    const app = await makeApp(broker);
    const path = `/dashboard/apps/${app.id}`;
    await broker.manage('PATCH', `/apps/${app.id}`, { name: 'Theirs' });
    await browser.submit(path, `${path}/name`, { name: 'Ours' });
    await browser.submit(`${path}/health`, `${path}/health/link-policy`, {
      link_policy: 'confirm',
      refuse_shared_accounts: 'true',
      allow_loopback: 'true',
    });
    await browser.submit(`${path}/keys`, `${path}/keys/settings`, { refuse_browser_keys: 'true' });
    expect(await (await broker.manage('GET', `/apps/${app.id}`)).json()).toMatchObject({
      name: 'Ours',
      link_policy: 'confirm',
      shared_accounts: 'refuse',
      allow_loopback: true,
      refuse_browser_keys: true,
    });
    await browser.submit(`${path}/keys`, `${path}/keys/settings`);
    await browser.submit(`${path}/health`, `${path}/health/link-policy`, { link_policy: 'open' });
    expect(await (await broker.manage('GET', `/apps/${app.id}`)).json()).toMatchObject({
      link_policy: 'open',
      shared_accounts: 'allow',
      allow_loopback: false,
      refuse_browser_keys: false,
    });
  });
});
