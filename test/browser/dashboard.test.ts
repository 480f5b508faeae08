import { readFile, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';

import { dashboard } from '../../src/http/dashboard/app.tsx';
import { walk } from '../e2e/client.ts';
import { ready } from '../e2e/shared.ts';
import { openPage } from './open-browser.ts';
import { signIn } from './sign-in.ts';

/** Pages are photographed here where MUSHU_SCREENSHOTS asks for it, for a person to look at. */
const screenshots = process.env['MUSHU_SCREENSHOTS'] === undefined ? undefined : join(tmpdir(), 'mushu-screenshots');

let axe: string;
beforeAll(async () => {
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  if (screenshots !== undefined) await mkdir(screenshots, { recursive: true });
});

describe('the dashboard, without scripts', () => {
  test('takes a developer from a new app to the first user, and shows the body data', async () => {
    let page = await openPage({ javaScriptEnabled: false });
    await signIn(page, ready);

    await page.getByLabel('Name').fill('Scale <b>friends</b>');
    await page.getByRole('button', { name: 'Create app' }).click();
    await expect.poll(() => page.getByRole('status').textContent()).toContain('App created');
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Scale <b>friends</b>');

    const uri = `${ready.url.replace(/:\d+$/, '')}/withings/done`;
    await page.getByLabel('Add a redirect URI').fill('womoji:success');
    await page.getByRole('button', { name: 'Add' }).click();
    expect(await page.locator('#uri-error').textContent()).toBe('Follow the scheme with ://host/path or :/path.');
    expect(await page.getByLabel('Add a redirect URI').inputValue()).toBe('womoji:success');
    await page.getByRole('link', { name: 'Link policy' }).click();
    await page.getByLabel('Allow loopback addresses').check();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('link', { name: 'Redirect URIs' }).click();
    await page.getByLabel('Add a redirect URI').fill(uri);
    await page.getByRole('button', { name: 'Add' }).click();
    await expect.poll(() => page.getByRole('status').textContent()).toContain('registered');

    await page.getByRole('listitem').filter({ hasText: uri }).getByRole('link', { name: 'Try it' }).click();
    await page.waitForURL(`${ready.simulator_url}/**`);
    await page.locator('input[name=person]').first().check();
    // Nothing listens at the app's own address: that the browser asks for it is the end of the flow.
    const back = page.waitForRequest((request) => request.url() === uri);
    await page.locator('button[value=allow]').click();
    await back;
    await page.close();
    page = await page.context().newPage();

    await page.goto(`${ready.url}/dashboard/apps`);
    await page.getByRole('link', { name: 'Scale <b>friends</b>' }).click();
    await page.getByRole('navigation', { name: 'App' }).getByRole('link', { name: 'Users' }).click();
    await page.getByRole('link', { name: 'try-it' }).click();
    await page.getByRole('button', { name: 'Sync now' }).click();
    await expect.poll(() => page.getByRole('status').textContent()).toContain('Synced');
    for (const title of ['Weight', 'BMI', 'Body fat', 'Muscle mass']) {
      const plot = page.getByRole('figure').filter({ hasText: title }).first();
      expect(await plot.locator('svg').getAttribute('aria-label')).toMatch(/\d+ values from \d+ \w{3,4} \d{4}/);
      await plot.getByText('As a table').click();
      expect(await plot.getByRole('row').count()).toBeGreaterThan(3);
    }

    await page.getByText('Erase user').first().click();
    await page.getByLabel('Type try-it to confirm').fill('somebody else');
    await page.getByRole('button', { name: 'Erase user' }).click();
    await page.getByText('Nothing was erased').waitFor();
    await page.getByLabel('Type try-it to confirm').fill('try-it');
    await page.getByRole('button', { name: 'Erase user' }).click();
    await page.getByText('No user has connected yet').waitFor();
  });

  test('shows a new key once', async () => {
    const page = await openPage({ javaScriptEnabled: false });
    await signIn(page, ready);
    await page.goto(`${ready.url}/dashboard/apps/${ready.app_id}/keys`);
    await page.getByLabel('Name').fill('shown once');
    await page.getByRole('button', { name: 'Create key' }).click();
    const shown = page.getByRole('region', { name: 'Your new key' }).locator('code');
    await shown.click();
    const key = await page.evaluate<string>('getSelection().toString()');
    expect(key).toMatch(/^mushu_key_[0-9a-f]{72}$/);
    await page.goto(`${ready.url}/dashboard/apps/${ready.app_id}/keys`);
    expect(await page.content()).not.toContain(key);
    const row = page.getByRole('row').filter({ hasText: 'shown once' });
    await row.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke key' }).click();
    expect(await row.textContent()).toContain('Revoked');
    const refused = await fetch(`${ready.url}/apps/${ready.app_id}/withings/status/somebody`, {
      headers: { 'X-API-Key': key },
    });
    expect(refused.status).toBe(401);
  });

  test('is left by signing out, also for who goes back', async () => {
    const page = await openPage({ javaScriptEnabled: false });
    await signIn(page, ready);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL('**/dashboard/sign-in');
    await page.goto(`${ready.url}/dashboard/apps/${ready.app_id}`);
    expect(page.url()).toContain('/dashboard/sign-in');
  });
});

/** One word of 128 letters, which no page may be stretched by. */
const LONGEST_USER = `auth0|${'d'.repeat(122)}`;

/** Where each page of the dashboard is visited, by its route. */
const visits = async (): Promise<Record<string, string>> => {
  const account = await manage('POST', '/accounts', { name: 'Looked at' });
  await manage('POST', `/accounts/${account.id}/tokens`, { name: 'my laptop', expires_in_days: 30 });
  // Nothing listens there, so the page has refused attempts.
  const hook = await manage('POST', `/apps/${ready.app_id}/webhooks`, {
    url: 'https://hooks.invalid.example.com/withings',
    description: 'Looked at',
  });
  await manage('POST', `/apps/${ready.app_id}/webhooks/${hook.id}/test`, {});
  const app = `/dashboard/apps/${ready.app_id}`;
  return {
    '/apps': '/dashboard/apps',
    '/apps/:app_id': app,
    '/apps/:app_id/health': `${app}/health`,
    '/apps/:app_id/health/policy': `${app}/health/policy`,
    '/apps/:app_id/health/code': `${app}/health/code`,
    '/apps/:app_id/users': `${app}/users`,
    '/apps/:app_id/users/:user_id': `${app}/users/${encodeURIComponent(LONGEST_USER)}`,
    '/apps/:app_id/keys': `${app}/keys`,
    '/apps/:app_id/webhooks': `${app}/webhooks`,
    '/apps/:app_id/webhooks/:webhook_id': `${app}/webhooks/${hook.id}`,
    '/apps/:app_id/audit': `${app}/audit`,
    '/account': '/dashboard/account',
    '/audit': '/dashboard/audit',
    '/broker': '/dashboard/broker',
    '/developers': '/dashboard/developers',
    '/developers/:account_id': `/dashboard/developers/${account.id}`,
  };
};

const manage = async (method: string, path: string, body: object): Promise<{ id: string }> => {
  const headers = { Authorization: `Bearer ${ready.admin_token}`, 'Content-Type': 'application/json' };
  const answer = await fetch(ready.url + path, { method, headers, body: JSON.stringify(body) });
  return (await answer.json()) as { id: string };
};

/** Pages that are seen otherwise: where one signs in, what only redirects, and a file. */
const SEEN_APART = ['/sign-in', '/', '/apps/:app_id/users/:user_id/csv'];

const WIDTHS = [390, 900, 1280];

test('no page breaks a rule of accessibility in either color scheme, or is wider than its window', async () => {
  await walk(ready, { userId: LONGEST_USER });
  const headers = { 'X-API-Key': ready.api_key };
  await fetch(`${ready.url}/apps/${ready.app_id}/withings/sync/${encodeURIComponent(LONGEST_USER)}`, {
    method: 'POST',
    headers,
  });
  const pages = await visits();
  const pathsOf = (method: string) => dashboard.routes.filter((one) => one.method === method).map(({ path }) => path);
  // The URL of a form leads to its page.
  const forms = new Set(pathsOf('POST').filter((path) => !(path in pages) && !SEEN_APART.includes(path)));
  const routes = pathsOf('GET').filter((path) => !forms.has(path));
  expect([...Object.keys(pages), ...SEEN_APART].sort()).toEqual([...new Set(routes)].sort());
  // The page's own policy lets no script in, the rules' included; it is tested elsewhere.
  const page = await openPage({ bypassCSP: true, reducedMotion: 'reduce' });
  await page.goto(`${ready.url}/dashboard/sign-in`);
  await look(page, 'sign-in');
  await signIn(page, ready);
  for (const [route, path] of Object.entries(pages)) {
    expect((await page.goto(ready.url + path))?.status(), route).toBe(200);
    await look(page, route.slice(1).replaceAll(/[/:]+/g, '-'));
  }
  await lookAtAnswers(page);
});

/** Pages that no link leads to: what a form answers, and errors. */
const lookAtAnswers = async (page: Page): Promise<void> => {
  const app = `${ready.url}/dashboard/apps/${ready.app_id}`;
  await page.goto(`${app}/keys`);
  await page.getByLabel('Name').fill('looked at');
  await page.getByRole('button', { name: 'Create key' }).click();
  await page.getByRole('region', { name: 'Your new key' }).waitFor();
  await look(page, 'new-key');
  await page.getByRole('row').filter({ hasText: 'looked at' }).getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('dialog').waitFor();
  await look(page, 'revoke');
  await page.goto(`${app}/health`);
  await page.getByLabel('Add a redirect URI').fill('womoji:success');
  await page.getByRole('button', { name: 'Add' }).click();
  await page.locator('#uri-error').waitFor();
  await look(page, 'refused-uri');
  await page.goto(`${ready.url}/dashboard/apps/app_none`);
  await look(page, 'not-found');
  await page.goto(`${ready.url}/apps/${ready.app_id}/withings/auth?user_id=a&redirect_uri=womoji%3A%2F%2Fother`);
  await look(page, 'refused-link');
};

const look = async (page: Page, name: string): Promise<void> => {
  await page.evaluate(axe);
  // Without a doctype a browser falls back to the rules of the nineties.
  expect(await page.evaluate('document.compatMode'), name).toBe('CSS1Compat');
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    // What the scheme changes is color: neither markup nor width.
    for (const width of colorScheme === 'light' || screenshots !== undefined ? WIDTHS : []) {
      await page.setViewportSize({ width, height: 800 });
      const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
      expect(overflow, `${name} at ${width}`).toBeLessThanOrEqual(0);
      if (screenshots !== undefined) {
        await page.screenshot({ path: join(screenshots, `${name}-${colorScheme}-${width}.png`), fullPage: true });
      }
    }
    const rules = colorScheme === 'light' ? '' : `, runOnly: ['cat.color']`;
    const { violations } = await page.evaluate<AxeResults>(`axe.run({ resultTypes: ['violations']${rules} })`);
    expect(violations.map(({ id, nodes }) => [name, colorScheme, id, nodes[0]?.html])).toEqual([]);
  }
};
