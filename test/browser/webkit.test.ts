import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

import type { AxeResults } from 'axe-core';
import { describe, expect, test } from 'vitest';

import { walk } from '../e2e/client.ts';
import { ready } from '../e2e/shared.ts';
import { hasWebKit, openWebKit } from './webkit-driver.ts';

const dashboard = `${ready.url}/dashboard`;

const signIn = async (page: Awaited<ReturnType<typeof openWebKit>>): Promise<void> => {
  await page.go(dashboard);
  await page.fill('input[name=token]', ready.admin_token);
  await page.click('form button');
  await expect.poll(page.url).toBe(`${dashboard}/apps`);
};

describe.skipIf(!hasWebKit())('WebKit', () => {
  // It takes no cookie with `Secure` or `__Host-` on plain http, not even on a loopback address.
  test('keeps the session of the dashboard on plain http', async () => {
    const page = await openWebKit();
    await page.go(dashboard);
    await page.fill('input[name=token]', 'mushu_access_wrong');
    await page.click('form button');
    await expect.poll(page.url).toContain('/sign-in');
    await signIn(page);
    await page.go(`${dashboard}/apps/${ready.app_id}/health`);
    expect(await page.url()).toBe(`${dashboard}/apps/${ready.app_id}/health`);
  });

  test('takes a person through a link to the page that shows their weight', async () => {
    const page = await openWebKit();
    const link = new URL(ready.auth_url);
    link.searchParams.set('user_id', 'webkit');
    link.searchParams.set('state', 'webkit');
    await page.go(link.href);
    await page.click('input[value=nora]');
    await page.click('button[value=allow]');
    await expect.poll(page.url).toBe(`${link.searchParams.get('redirect_uri')}?state=webkit`);
    await expect.poll(async () => page.text('body')).toMatch(/weight\s*\d/);
  });

  test('shows pages that break no rule of accessibility and are no wider than their window', async () => {
    await walk(ready, { userId: 'webkit-plots' });
    const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const page = await openWebKit();
    await signIn(page);
    const app = `${dashboard}/apps/${ready.app_id}`;
    for (const url of [`${dashboard}/apps`, app, `${app}/health`, `${app}/users`, `${app}/users/webkit-plots`]) {
      await page.go(url);
      for (const width of [390, 1280]) {
        await page.resize(width);
        const overflow = await page.run('return document.documentElement.scrollWidth - innerWidth');
        expect(overflow, `${url} at ${width}`).toBeLessThanOrEqual(0);
      }
      const { violations } = (await page.run(`${axe}; return axe.run({ resultTypes: ['violations'] })`)) as AxeResults;
      expect(violations.map(({ id, nodes }) => [url, id, nodes[0]?.html])).toEqual([]);
    }
  });
});
