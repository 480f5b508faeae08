import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { type Broker, makeApp } from '../support/broker.ts';
import { connectAda } from '../support/connect-ada.ts';
import type { DashboardBrowser } from '../support/dashboard.ts';
import { startDashboard } from '../support/start-dashboard.ts';

/** What a form changes, and what it refuses. */

let broker: Broker;
let browser: DashboardBrowser;

beforeEach(async () => {
  ({ broker, browser } = await startDashboard());
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
  await browser.submit(`${path}/health/policy`, `${path}/health/link-policy`, { link_policy: 'session' });
  const minted = await browser.submit(`${path}/health`, `${path}/health/try`, { uri: 'womoji://withings/success' });
  const [, href = ''] = /href="https?:\/\/[^"/]+(\/apps\/[^"]+session=[^"]+)"/.exec(minted.html) ?? [];
  expect((await broker.request(href)).status).toBe(302);
  await browser.submit(path, `${path}/disable`);
  expect((await app.call('GET', '/withings/status/eve')).status).toBe(403);
  const { html } = await browser.get(`${path}/audit`);
  for (const words of ['Redirect URI removed', 'App changed', 'dashboard', 'Operator']) expect(html).toContain(words);
});

test('erasing a user or deleting an app takes the typed id, and nothing else', async () => {
  const app = await makeApp(broker);
  await connectAda(broker, app);
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
    ['/health/link-policy', { link_policy: 'confirm' }, '/health/policy'],
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

test('the list of apps shows how many users each has connected, when they last synced, and what is wrong', async () => {
  const app = await makeApp(broker);
  const quiet = await makeApp(broker, 'Quiet');
  await connectAda(broker, app);
  while ((await app.call('POST', '/withings/sync/ada')).status === 202);
  const row = async (id: string) => {
    const { html } = await browser.get('/dashboard/apps');
    return html.split('<tr role="row"').find((text) => text.includes(id)) ?? '';
  };
  expect(await row(app.id)).toMatch(/data-label="Connected"><span>1</);
  expect(await row(app.id)).toContain('just now');
  expect(await row(app.id)).toContain('In order');
  expect(await row(quiet.id)).toMatch(/data-label="Connected"><span>0</);
  expect(await row(quiet.id)).toContain('never');
  await env.DB.prepare(`UPDATE connections SET sync_failures = 1, last_failure_kind = 'storage_unavailable'`).run();
  expect(await row(app.id)).toContain(`/dashboard/apps/${app.id}/users?state=failing`);
  await env.DB.prepare(`UPDATE connections SET state = 'reauth_required'`).run();
  expect(await row(app.id)).toContain('1 to reconnect');
  expect(await row(quiet.id)).toContain('In order');
});

test('every page says where it is, who is signed in and where the documentation is', async () => {
  const app = await makeApp(broker);
  await connectAda(broker, app);
  const path = `/dashboard/apps/${app.id}`;
  const pages = ['', '/health', '/users', '/users/ada', '/keys', '/webhooks', '/audit'].map((page) => path + page);
  const titles = new Set<string>();
  for (const page of [...pages, '/dashboard/apps', '/dashboard/account', '/dashboard/broker']) {
    const { html } = await browser.get(page);
    titles.add(/<title>(.*?)<\/title>/.exec(html)?.[1] ?? '');
    expect(html, page).toContain('<a href="/docs">Docs</a>');
    expect(html, page).toMatch(/Signed in as <\/span>\s*Operator/);
  }
  expect(titles.size).toBe(10);
  const user = (await browser.get(`${path}/users/ada`)).html;
  const crumbs = /aria-label="Breadcrumbs">(.*?)<\/nav>/s.exec(user)?.[1] ?? '';
  expect([...crumbs.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)).toEqual([
    '/dashboard/apps',
    path,
    `${path}/users`,
  ]);
});

test('a loopback address that is refused leads to the setting that allows it', async () => {
  const app = await makeApp(broker);
  const path = `/dashboard/apps/${app.id}`;
  const refused = await browser.submit(`${path}/health`, `${path}/health/redirect-uris`, {
    uri: 'http://127.0.0.1/done',
  });
  expect(refused.status).toBe(422);
  expect(refused.html).toContain(`<a href="${path}/health/policy">Allow loopback addresses</a>`);
  expect((await browser.get(`${path}/health/policy`)).html).toContain('name="allow_loopback"');
});
