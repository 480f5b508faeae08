import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';

import { type Broker, emptyTables, makeApp, startBroker } from '../support/broker.ts';
import { connectAda } from '../support/connect-ada.ts';
import { type DashboardBrowser, dashboardBrowser } from '../support/dashboard.ts';

/** A user's body data on their page. */

let broker: Broker;
let browser: DashboardBrowser;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker();
  browser = dashboardBrowser(broker);
  await browser.signIn(broker.operatorToken);
});

test.each([0, -0, 5e-324, 1e15, 4.6e15, 1e16, 1e22, -1e22, 1e99, 1e101, 1e300, 1.7e308, -1.7e308])(
  'a user’s page is shown with a value of %s, alone and among others',
  async (value) => {
    const app = await makeApp(broker);
    await connectAda(broker, app);
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
