import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { choosePort } from '../../scripts/dev/ports.ts';
import { DAY_MS } from '../../src/domain/time.ts';
import { ready } from '../e2e/shared.ts';
import { openPage } from './open-browser.ts';

/** `examples/web` as its README starts it, in a real browser: its page, its script, its backend. */

let example: ChildProcess | undefined;
let origin: string;

beforeAll(async () => {
  const { port } = await choosePort('The example', { flag: '--port', wanted: '0', usual: 0 });
  origin = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, ['examples/web/server.ts'], {
    env: {
      ...process.env,
      PORT: String(port),
      MUSHU_URL: ready.url,
      MUSHU_APP_ID: ready.app_id,
      MUSHU_API_KEY: ready.api_key,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  example = child;
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the example ended before it listened')));
  await Promise.race([once(child.stdout, 'data'), ended]);
});
afterAll(() => example?.kill());

/** A browser that has been nowhere before; what the page's script complains of is kept. */
const newVisitor = async (): Promise<{ page: Page; complaints: string[] }> => {
  const page = await openPage();
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  return { page, complaints };
};
const visit = async () => {
  const visitor = await newVisitor();
  await visitor.page.goto(origin);
  return visitor;
};

const shows = (page: Page, text: RegExp) => page.getByRole('status').filter({ hasText: text }).waitFor();

const NOON = Date.UTC(2026, 5, 15, 12);
const SYNC = '**/withings/sync/*';
const CORS = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': 'Retry-After' };

const connectAs = async (page: Page, person: RegExp) => {
  await page.getByRole('button', { name: 'Connect Withings' }).click();
  await page.getByRole('radio', { name: person }).check();
  await page.getByRole('button', { name: 'Allow' }).click();
};
const weightOf = (page: Page) => page.getByRole('figure').getByText(/^\d+\.\d$/);

test('a person who refuses comes back to the page, which says so, and whose script has no key of the app', async () => {
  const { page, complaints } = await newVisitor();
  const handed = page.waitForResponse(`${origin}/token`);
  await page.goto(origin);
  await shows(page, /^Not connected yet\.$/);
  expect(await (await handed).text()).not.toContain(ready.api_key);
  await page.getByRole('button', { name: 'Connect Withings' }).click();
  await page.getByRole('button', { name: 'Deny' }).click();
  await shows(page, /^You did not allow access/);
  expect(page.url()).toBe(`${origin}/`);

  // What another site makes of the address is not shown, and another link is not taken for this browser's.
  for (const forged of ['?error=Call+555', '?ticket=t1', '?error=access_denied&state=another']) {
    await page.goto(`${origin}/withings/done${forged}`);
    await shows(page, /^That was not the answer to your last link\. Connect again\.$/);
  }
  await page.goto(`${origin}/?error=Call+555`);
  await shows(page, /^The connection could not be made\. Try again\.$/);
  expect(complaints).toEqual([]);
});

test('a page that got no token asks for one again when the person tries again', async () => {
  const { page, complaints } = await newVisitor();
  await page.route('**/token', (route) => route.fulfill({ status: 502, json: {} }), { times: 1 });
  await page.goto(origin);
  await shows(page, /^The broker cannot be reached\.$/);
  await page.getByRole('button', { name: 'Try again' }).click();
  await shows(page, /^Not connected yet\.$/);
  expect(complaints).toEqual([]);
});

test('a sync that is not finished goes on by itself, and one that Withings cannot answer waits as long as it says', async () => {
  const { page, complaints } = await newVisitor();
  // The page's time stands still but when the test moves it.
  // It runs until it is paused, which may take a busy machine a while.
  await page.clock.install({ time: NOON - DAY_MS });
  await page.clock.pauseAt(NOON);
  let asked = 0;
  await page.route(SYNC, async (route) => {
    if (route.request().method() !== 'POST') return route.fallback();
    asked += 1;
    if (asked === 1) {
      const body = { code: 'withings_unavailable', title: 'Withings does not answer', status: 503 };
      return route.fulfill({ status: 503, headers: { ...CORS, 'Retry-After': '2' }, json: body });
    }
    if (asked > 2) return route.fallback();
    const part = await route.fetch();
    return route.fulfill({ status: 202, headers: CORS, json: { ...(await part.json()), complete: false } });
  });
  await page.goto(origin);
  await shows(page, /Next try in 2 s\./);
  await page.clock.runFor(1_000);
  await shows(page, /Next try in 1 s\./);
  expect(asked).toBe(1);
  await page.clock.resume();
  await shows(page, /^Not connected yet\.$/);
  asked = 1;
  await connectAs(page, /Kenji/);
  await shows(page, /^Up to date\.$/);
  expect(asked).toBeGreaterThan(2);
  expect(complaints).toEqual([]);
});

test('a person who allows sees their own weight, leaves, and is asked for consent again after Withings ended it', async () => {
  const { page, complaints } = await visit();
  const asked = page.waitForResponse((response) => response.url().includes('/metrics/') && response.ok());
  await connectAs(page, /Nora/);
  await weightOf(page).waitFor();
  expect((await (await asked).request().allHeaders())['origin']).toBe(origin);
  await shows(page, /^Up to date\.$/);
  expect(await page.locator('polyline').getAttribute('points')).toMatch(/^[\d.]+,[\d.]+ /);

  const stranger = await visit();
  await shows(stranger.page, /^Not connected yet\.$/);

  await page.route(SYNC, (route) =>
    route.fulfill({ status: 409, headers: CORS, json: { code: 'reauth_required', title: 'Consent again' } }),
  );
  await page.reload();
  await shows(page, /^Withings asks for your consent again\.$/);
  await page.unroute(SYNC);
  await page.getByRole('button', { name: 'Disconnect' }).click();
  await shows(page, /^Disconnected\./);
  await page.reload();
  await shows(page, /^Not connected yet\.$/);
  expect(await weightOf(page).isVisible()).toBe(true);
  expect(complaints).toEqual([]);
});
