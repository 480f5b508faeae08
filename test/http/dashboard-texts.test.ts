import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { type Broker, connect, makeApp, WEB } from '../support/broker.ts';
import { connectAda } from '../support/connect-ada.ts';
import type { DashboardBrowser } from '../support/dashboard.ts';
import { makeDeveloper } from '../support/developer.ts';
import { startDashboard } from '../support/start-dashboard.ts';

/** What other people wrote stays text, and secrets stay away. */

let broker: Broker;
let browser: DashboardBrowser;

beforeEach(async () => {
  ({ broker, browser } = await startDashboard());
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
      `${path}/health/policy`,
      `${path}/health/code`,
      `${path}/keys`,
      `${path}/audit`,
    ]) {
      const { html: whole, headers } = await browser.get(page);
      const html = whole.replace('<script src="/assets/dashboard.js" defer=""></script>', '');
      expect(html, page).not.toMatch(/<script|<img|<svg\/|onfocus='|onerror=alert\(1\)>(?!)/);
      expect(html, page).not.toContain(payload.includes('<') || payload.includes(`'`) ? payload : '\0');
      expect(headers.get('Content-Security-Policy'), page).toMatch(
        /default-src 'none'.*script-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'/,
      );
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
    await connectAda(broker, app);
    const path = `/dashboard/apps/${app.id}`;
    const created = await browser.submit(`${path}/keys`, `${path}/keys`, { name: 'new', scopes: ['read', 'sync'] });
    const [key = ''] = /mushu_key_[0-9a-f]{72}/.exec(created.html) ?? [];
    expect(created.status).toBe(200);
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
    for (const page of ['', '/health', '/health/policy', '/health/code', '/users', '/users/ada', '/keys', '/audit'])
      await browser.get(path + page);
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
