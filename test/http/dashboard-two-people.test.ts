import { beforeEach, describe, expect, test } from 'vitest';

import { type Broker, makeApp } from '../support/broker.ts';
import type { DashboardBrowser } from '../support/dashboard.ts';
import { startDashboard } from '../support/start-dashboard.ts';

let broker: Broker;
let browser: DashboardBrowser;

beforeEach(async () => {
  ({ broker, browser } = await startDashboard());
});

describe('of two people who change one app', () => {
  test('the second one is told who did what, and undoes nothing', async () => {
    const app = await makeApp(broker);
    const path = `/dashboard/apps/${app.id}`;
    const stale = {
      overview: (await browser.get(path)).html,
      health: (await browser.get(`${path}/health/policy`)).html,
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
    await browser.submit(`${path}/health/policy`, `${path}/health/link-policy`, {
      link_policy: 'confirm',
      refuse_shared_accounts: 'true',
      allow_loopback: 'true',
      demo_account: 'true',
    });
    await browser.submit(`${path}/keys`, `${path}/keys/settings`, { refuse_browser_keys: 'true' });
    expect(await (await broker.manage('GET', `/apps/${app.id}`)).json()).toMatchObject({
      name: 'Ours',
      link_policy: 'confirm',
      shared_accounts: 'refuse',
      allow_loopback: true,
      demo_account: true,
      refuse_browser_keys: true,
    });
    await browser.submit(`${path}/keys`, `${path}/keys/settings`);
    await browser.submit(`${path}/health/policy`, `${path}/health/link-policy`, { link_policy: 'open' });
    expect(await (await broker.manage('GET', `/apps/${app.id}`)).json()).toMatchObject({
      link_policy: 'open',
      shared_accounts: 'allow',
      allow_loopback: false,
      refuse_browser_keys: false,
    });
  });
});
