import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';

import { version } from '../../package.json';
import { addRowsUsed } from '../../src/store/operator/rows-used.ts';
import { type Broker, makeApp } from '../support/broker.ts';
import { connectAda } from '../support/connect-ada.ts';
import type { DashboardBrowser } from '../support/dashboard.ts';
import { startDashboard } from '../support/start-dashboard.ts';

/** The operator's page. */

let broker: Broker;
let browser: DashboardBrowser;

beforeEach(async () => {
  ({ broker, browser } = await startDashboard());
});

const figure = (html: string, name: string): string =>
  new RegExp(`<dt>${name}[^<]*</dt><dd[^>]*>([^<]*)`).exec(html)?.[1] ?? '';
const share = (html: string, name: string): string[] => {
  const row = html.split('<tr role="row"').find((text) => text.includes(`>${name}<`)) ?? '';
  return [...row.matchAll(/<span>(\d+)<\/span>/g)].map(([, count = '']) => count);
};

test('shows apps, users, the size of the database, the version and what is used of Withings’ requests', async () => {
  const before = (await browser.get('/dashboard/broker')).html;
  expect([figure(before, 'Apps'), figure(before, 'Users'), figure(before, 'Version')]).toEqual(['0', '0', version]);
  expect(Number.parseFloat(figure(before, 'Database'))).toBeGreaterThan(0);
  expect(share(before, 'Syncs that apps ask for')[0]).toBe('0');
  const app = await makeApp(broker);
  await connectAda(broker, app);
  const after = (await browser.get('/dashboard/broker')).html;
  expect([figure(after, 'Apps'), figure(after, 'Users')]).toEqual(['1', '1']);
  const [inUse, perMinute] = share(after, 'Syncs that apps ask for').map(Number);
  expect(inUse).toBeGreaterThan(0);
  expect(perMinute).toBeGreaterThanOrEqual(inUse ?? Infinity);
  broker.advance(60_000);
  expect(share((await browser.get('/dashboard/broker')).html, 'Syncs that apps ask for')[0]).toBe('0');
});

test('shows the rows of today against the plan’s, as far as isolates have noted them', async () => {
  const rows = async () => {
    const { html } = await browser.get('/dashboard/broker');
    const text = html.slice(html.indexOf('Rows of D1')).replace(/<[^>]*>/g, ' ');
    return /Read\s+([\d,]+)\s+([\d,]+)\s+Written\s+([\d,]+)\s+([\d,]+)/.exec(text)?.slice(1);
  };
  expect(await rows()).toEqual(['0', '5,000,000', '0', '100,000']);
  const day = Math.floor(broker.now() / 86_400_000);
  const note = async (of: number) =>
    addRowsUsed((await broker.deps()).db, { day: of, since: 0, read: 12_345, written: 678 }, broker.now());
  await note(day - 1);
  expect(await rows()).toEqual(['0', '5,000,000', '0', '100,000']);
  await note(day);
  await note(day);
  broker.deploy({ PLAN: 'paid' });
  expect(await rows()).toEqual(['24,690', '833,333,333', '1,356', '1,666,666']);
});

test('counts no further than ten thousand, whatever the tables hold', async () => {
  await env.DB.prepare(
    `INSERT INTO apps (id, name, created_at)
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001) SELECT printf('app_%020d', i), 'x', 0 FROM n`,
  ).run();
  expect(figure((await browser.get('/dashboard/broker')).html, 'Apps')).toBe('10,000 or more');
});

test('names the plan, and makes what is above 80 % of a limit stand out', async () => {
  const page = async () => (await browser.get('/dashboard/broker')).html;
  expect(await page()).toContain('PLAN=free');
  expect(await page()).toContain('No alarm is active.');
  const note = async (read: number, written: number) =>
    addRowsUsed(
      (await broker.deps()).db,
      { day: Math.floor(broker.now() / 86_400_000), since: 0, read, written },
      broker.now(),
    );
  await note(3_999_999, 0);
  expect(await page()).not.toContain('% used');
  await note(1, 100_000);
  expect((await page()).match(/<span class="badge (wait|bad)">\d+ % used/g)).toEqual([
    '<span class="badge wait">80 % used',
    '<span class="badge bad">100 % used',
  ]);
});
