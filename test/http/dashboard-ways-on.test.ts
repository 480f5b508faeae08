import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';

import { type Broker, makeApp, type TestApp } from '../support/broker.ts';
import { connectAda } from '../support/connect-ada.ts';
import { type DashboardBrowser, dashboardBrowser } from '../support/dashboard.ts';
import { startDashboard } from '../support/start-dashboard.ts';

/** Pages that lead nowhere, and words that say what happened. */

let broker: Broker;
let browser: DashboardBrowser;
let app: TestApp;

beforeEach(async () => {
  ({ broker, browser } = await startDashboard());
  app = await makeApp(broker);
});

const APP = '/dashboard/apps/{app}';

test.each([
  ['/dashboard/nonsense', '/dashboard/apps'],
  ['/dashboard/apps/app_none', '/dashboard/apps'],
  ['/dashboard/apps/app_none/users/ada', '/dashboard/apps'],
  [`${APP}/nonsense`, APP],
  [`${APP}/users/nobody-here`, `${APP}/users`],
  [`${APP}/users/%C3%A9`, `${APP}/users`],
  [`${APP}/webhooks/none`, `${APP}/webhooks`],
])('%s is an error page in the frame, with a link to %s', async (path, above) => {
  const there = (text: string) => text.replace('{app}', app.id);
  const { status, html } = await browser.get(there(path));
  expect(status).toBe(404);
  expect(html).toContain('aria-label="Main"');
  expect(html).toMatch(new RegExp(`<a href="${there(above)}">Go to [^<]+</a>`));
  expect(html).not.toMatch(/the key belongs|no such connection/);
  expect((await browser.get(there(above))).status).toBe(200);
});

test('a slash behind the dashboard’s address makes no difference, signed in or not', async () => {
  expect(await browser.get('/dashboard/')).toMatchObject({ status: 200, path: '/dashboard/apps' });
  const stranger = await dashboardBrowser(broker).get('/dashboard/');
  expect(stranger).toMatchObject({ status: 200, path: '/dashboard/sign-in' });
});

test('the overview of an app says so if its users’ syncs fail, as the list of apps does', async () => {
  await connectAda(broker, app);
  const nothing = 'Nothing. Links work, and all connections are kept alive.';
  expect((await browser.get(`/dashboard/apps/${app.id}`)).html).toContain(nothing);
  await env.DB.prepare('UPDATE connections SET sync_failures = 9').run();
  expect((await browser.get('/dashboard/apps')).html).toContain('Failing syncs');
  const { html } = await browser.get(`/dashboard/apps/${app.id}`);
  expect(html).toContain('Syncs or refreshes of users fail now.');
  expect(html).not.toContain(nothing);
  expect((await browser.get(`/dashboard/apps/${app.id}/users?state=failing`)).html).toContain('ada');
});

test('the timeline says in words what a sync could not read and why a user has to connect again', async () => {
  await connectAda(broker, app);
  const timeline = [
    { kind: 'synced', reason: 'skipped_1', at: broker.now() },
    { kind: 'synced', reason: 'skipped_2', at: broker.now() },
    { kind: 'reauth_required', reason: 'refresh_token_rejected', at: broker.now() },
    { kind: 'refresh_failed', reason: 'withings_unavailable', at: broker.now() },
  ];
  await env.DB.prepare('UPDATE connections SET timeline = ?1').bind(JSON.stringify(timeline)).run();
  const { html } = await browser.get(`/dashboard/apps/${app.id}/users/ada`);
  expect(html).toContain(': 1 value could not be read');
  expect(html).toContain(': 2 values could not be read');
  expect(html).toContain('Withings rejected the refresh token');
  expect(html).toContain('(<code>withings_unavailable</code>)');
  expect(html).not.toMatch(/skipped_\d|refresh_token_rejected/);
});

test('a user’s page has one style of dates', async () => {
  await connectAda(broker, app);
  for (const range of ['week', 'quarter', 'all']) {
    const { html } = await browser.get(`/dashboard/apps/${app.id}/users/ada?range=${range}`);
    const text = html.replace(/<[^>]*>/g, ' ');
    expect(text).toMatch(/\d+ \w{3} 2026, \d\d:\d\d/);
    expect(text).not.toMatch(/\d{4}-\d\d(?!\d)/);
  }
});
