import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { dashboard } from '../../src/http/dashboard/app.tsx';
import { type Broker, connect, makeApp, ORIGIN, type TestApp, WOMOJI } from '../support/broker.ts';
import { type DashboardBrowser, dashboardBrowser, formToken } from '../support/dashboard.ts';
import { makeDeveloper } from '../support/developer.ts';
import { startDashboard } from '../support/start-dashboard.ts';

/** What a form hands on: a page to return to, a notice, a new secret, and what was typed. */

let broker: Broker;
let browser: DashboardBrowser;
let app: TestApp;
let path: string;

beforeEach(async () => {
  ({ broker, browser } = await startDashboard());
  app = await makeApp(broker);
  path = `/dashboard/apps/${app.id}`;
});

const count = (table: string) => env.DB.prepare(`SELECT count(*) AS n FROM ${table}`).first<number>('n');
const KEY = /mushu_key_[0-9a-f]{72}/;

/** Sends the form that makes a key, and follows nothing. */
const makeKey = async () => {
  const token = formToken((await browser.get(`${path}/keys`)).html);
  const fields: [string, string][] = [
    ['form_token', token],
    ['name', 'new'],
    ['scopes', 'read'],
  ];
  return browser.postRaw(`${path}/keys`, fields, { Origin: ORIGIN, 'Sec-Fetch-Site': 'same-origin' });
};

test.each(['bob', 'auth0|5f7c', 'a"b', "a'b", 'a<b', 'a^b', '{x}', '[x]', 'a`b', 'a&b=c;d+e,f$g@h'])(
  'a new link is shown on the page of the user %s',
  async (user) => {
    for (const one of ['ada', user]) await connect(broker, app, one, 'nora');
    const page = `${path}/users/${encodeURIComponent(user)}`;
    const shown = await browser.submit(page, `${page}/switch-link`, { uri: WOMOJI });
    expect([shown.status, shown.path]).toEqual([200, page]);
    expect(shown.html).toMatch(/withings\/auth\?session=/);
  },
);

describe('a new key', () => {
  test('is shown by the page that the form leads to, once, and a reload makes no second one', async () => {
    const before = await count('api_keys');
    const answer = await makeKey();
    expect([answer.status, answer.headers.get('Location')]).toEqual([303, `${path}/keys`]);
    expect(JSON.stringify([...answer.headers])).not.toMatch(/mushu_key/);
    const shown = await browser.get(`${path}/keys`);
    expect(shown.html).toMatch(KEY);
    expect((await browser.get(`${path}/keys`)).html).not.toMatch(KEY);
    expect(await count('api_keys')).toBe((before ?? 0) + 1);
  });

  test('is shown in no other session, on no other page, and not after a minute', async () => {
    await makeKey();
    const sealed = browser.cookies.get('__Host-mushu_shown') ?? '';
    expect(sealed).not.toBe('');
    const stranger = dashboardBrowser(broker);
    await stranger.signIn(broker.operatorToken);
    stranger.cookies.set('__Host-mushu_shown', sealed);
    expect((await stranger.get(`${path}/keys`)).html).not.toMatch(KEY);
    const other = await makeApp(broker, 'Other');
    expect((await browser.get(`/dashboard/apps/${other.id}/keys`)).html).not.toMatch(KEY);
    for (const broken of ['x', 'a.b.c.d', sealed.slice(0, -2)]) {
      browser.cookies.set('__Host-mushu_shown', broken);
      expect((await browser.get(`${path}/keys`)).html).not.toMatch(KEY);
    }
    browser.cookies.set('__Host-mushu_shown', sealed);
    broker.advance(60_000);
    expect((await browser.get(`${path}/keys`)).html).not.toMatch(KEY);
  });
});

describe('a link that the dashboard makes', () => {
  const SESSION = /https?:\/\/[^"<]+withings\/auth\?session=[\w.-]+[^"<]*/;

  test('to test with is shown by the page after the form, once, and a reload makes no second one', async () => {
    await browser.submit(`${path}/health/policy`, `${path}/health/link-policy`, { link_policy: 'session' });
    const shown = await browser.submit(`${path}/health`, `${path}/health/try`);
    expect([shown.status, shown.path]).toEqual([200, `${path}/health`]);
    const [link = ''] = SESSION.exec(shown.html) ?? [];
    expect((await broker.request(link.replaceAll('&amp;', '&'))).status).toBe(302);
    expect((await browser.get(`${path}/health`)).html).not.toMatch(SESSION);
  });

  test('for one of two users of a Withings account signs out of Withings first, and is offered to no other user', async () => {
    await connect(broker, app, 'ada', 'nora');
    const alone = await browser.get(`${path}/users/ada`);
    expect(alone.html).not.toContain('switch-link');
    await connect(broker, app, 'bob', 'nora');
    const shown = await browser.submit(`${path}/users/bob`, `${path}/users/bob/switch-link`, { uri: WOMOJI });
    expect([shown.status, shown.path]).toEqual([200, `${path}/users/bob`]);
    const [link = ''] = SESSION.exec(shown.html) ?? [];
    const started = await broker.request(link);
    expect(new URL(started.headers.get('Location') ?? '').pathname).toBe('/logout');
    expect((await browser.get(`${path}/users/bob`)).html).not.toMatch(SESSION);
    const removed = await browser.submit(`${path}/users/bob`, `${path}/users/bob/switch-link`, { uri: 'no://such' });
    expect([removed.status, SESSION.test(removed.html)]).toEqual([409, false]);
  });
});

test('a notice is shown once, and its URL says nothing of it', async () => {
  const renamed = await browser.submit(path, `${path}/name`, { name: 'Ours' });
  expect(renamed.path).toBe(path);
  expect(renamed.html).toContain('Changes saved.');
  expect((await browser.get(path)).html).not.toContain('Changes saved.');
  expect((await browser.get(`${path}?notice=app_changed`)).html).not.toContain('Changes saved.');
  browser.cookies.set('__Host-mushu_notice', 'constructor');
  expect((await browser.get(path)).status).toBe(200);
});

describe('a person whose session ended', () => {
  const signInOn = async (to: string) => {
    const page = await browser.get(to);
    return browser.submitFrom(page.html, '/dashboard/sign-in', { token: broker.operatorToken });
  };

  test('returns to the page that they were on, with its query', async () => {
    broker.advance(31 * 60_000);
    const users = `${path}/users?state=active&q=ada`;
    const page = await browser.get(users);
    expect(page.html).toContain('Your session has ended');
    const mistyped = await browser.submitFrom(page.html, '/dashboard/sign-in', { token: 'no' });
    expect(mistyped.status).toBe(401);
    const back = await browser.submitFrom(mistyped.html, '/dashboard/sign-in', { token: broker.operatorToken });
    expect([back.status, back.path]).toEqual([200, users]);
  });

  test('returns from a form to its page', async () => {
    broker.advance(31 * 60_000);
    const page = await browser.get(`${path}/health/redirect-uris/remove`);
    const back = await browser.submitFrom(page.html, '/dashboard/sign-in', { token: broker.operatorToken });
    expect([back.status, back.path]).toEqual([200, `${path}/health`]);
  });

  test.each([
    'https://evil.example/dashboard/apps',
    '//evil.example/dashboard/',
    '/\\evil.example/dashboard/',
    '/dashboard/..//evil.example',
    'javascript:alert(1)',
    '/apps',
    '/dashboard/sign-in',
    '\t//evil.example',
  ])('is led nowhere else by a link: %s', async (to) => {
    await browser.submit('/dashboard/apps', '/dashboard/sign-out');
    const back = await signInOn(`/dashboard/sign-in?${new URLSearchParams({ to }).toString()}`);
    expect([back.status, back.path]).toEqual([200, '/dashboard/apps']);
  });
});

test('the URL of each form leads to its page if it is opened by hand, and does nothing', async () => {
  const { accountId, tokenId } = await makeDeveloper(broker);
  const hook = await broker.manage('POST', `/apps/${app.id}/webhooks`, { url: 'https://hooks.example.com/' });
  const { id: hookId } = await hook.json<{ id: string }>();
  const forms = dashboard.routes.filter((one) => one.method === 'POST').map((one) => one.path);
  const opened = new Map<string, string>();
  const before = await count('audit_entries');
  for (const form of forms) {
    const filled = `/dashboard${form}`
      .replace(':app_id', app.id)
      .replace(':webhook_id', hookId)
      .replace(':account_id', accountId)
      .replace(':token_id', tokenId)
      .replace(/:(key|user)_id/, 'x');
    const page = await browser.get(filled);
    expect(page.status, form).toBe(form.includes(':user_id') ? 404 : 200);
    opened.set(form, page.path.replace(app.id, ':app_id').replace(hookId, ':webhook_id'));
  }
  expect(opened.get('/apps/:app_id/keys/revoke/:key_id')).toBe('/dashboard/apps/:app_id/keys');
  expect(opened.get('/apps/:app_id/webhooks/:webhook_id/rotate')).toBe('/dashboard/apps/:app_id/webhooks/:webhook_id');
  expect(opened.get('/apps/:app_id/name')).toBe('/dashboard/apps/:app_id');
  expect(await count('audit_entries')).toBe(before);
  expect((await browser.get('/dashboard/apps')).status).toBe(200);
});

test('a refused form keeps what was typed', async () => {
  const keys = await browser.submit(`${path}/keys`, `${path}/keys`, { name: 'Half a form' });
  expect(keys.status).toBe(422);
  expect(keys.html).toContain('value="Half a form"');
  expect(keys.html).not.toContain('checked');
  const long = 'x'.repeat(101);
  const developers = await browser.submit('/dashboard/developers', '/dashboard/developers', { name: long });
  expect([developers.status, developers.html.includes(`value="${long}"`)]).toEqual([422, true]);
  const { accountId } = await makeDeveloper(broker);
  const developer = `/dashboard/developers/${accountId}`;
  const tokens = await browser.submit(developer, `${developer}/tokens`, { name: ' my laptop', expires_in_days: '0' });
  expect([tokens.status, tokens.html.includes('value=" my laptop"')]).toEqual([422, true]);
  const longUri = `womoji://${'x'.repeat(2048)}`;
  const uri = await browser.submit(`${path}/health`, `${path}/health/redirect-uris`, { uri: longUri });
  expect([uri.status, uri.html.includes(`value="${longUri}"`)]).toEqual([422, true]);
  const named = await browser.submit(path, `${path}/name`, { name: long });
  expect([named.status, named.html.includes(`value="${long}"`)]).toEqual([422, true]);
});
