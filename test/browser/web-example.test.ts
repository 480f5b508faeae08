import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';

import { registerRedirectUri, updateApp } from '../../src/client/management.ts';
import { launchWatchedChromium } from './watched-chromium.ts';

/** `examples/web` as its README starts it, in a real browser: its page, its script, its backend. */

const { ready } = inject('dev');
let example: ChildProcess;
let origin: string;
let browser: Browser;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

beforeAll(async () => {
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const operator = { url: ready.url, credential: ready.admin_token };
  expect(await updateApp(operator, ready.app_id, { allow_loopback: true })).toMatchObject({ ok: true });
  expect(await registerRedirectUri(operator, ready.app_id, `${origin}/withings/done`)).toMatchObject({ ok: true });
  example = spawn(process.execPath, ['examples/web/server.ts'], {
    env: {
      ...process.env,
      PORT: String(port),
      MUSHU_URL: ready.url,
      MUSHU_APP_ID: ready.app_id,
      MUSHU_API_KEY: ready.api_key,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => example.stdout?.once('data', resolve));
  browser = await launchWatchedChromium();
});
afterAll(async () => {
  await browser.close();
  example.kill();
});

/** A person at the page, whose browser has been there never before; what the page's script complains of is kept. */
const visit = async (): Promise<{ page: Page; complaints: string[] }> => {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  await page.goto(origin);
  return { page, complaints };
};

const shows = (page: Page, text: RegExp) => page.getByRole('status').filter({ hasText: text }).waitFor();

test('a person who refuses comes back to the page, which says so, and whose script has no key of the app', async () => {
  const { page, complaints } = await visit();
  await shows(page, /^Not connected yet$/);
  const handed = page.waitForResponse(`${origin}/token`);
  await page.getByRole('button', { name: 'Connect Withings' }).click();
  await page.getByRole('button', { name: 'Deny' }).click();
  await shows(page, /^Not connected: access_denied$/);
  expect(page.url()).toBe(`${origin}/?error=access_denied`);
  expect(await (await handed).text()).not.toContain(ready.api_key);
  expect(complaints).toEqual([]);
});

test('a person who allows sees their own weight, which the page asked the broker for by itself', async () => {
  const { page, complaints } = await visit();
  await page.getByRole('button', { name: 'Connect Withings' }).click();
  await page.getByRole('radio', { name: /Nora/ }).check();
  const asked = page.waitForResponse((response) => response.url().startsWith(`${ready.url}/apps/`) && response.ok());
  await page.getByRole('button', { name: 'Allow' }).click();
  await shows(page, /^\d+(\.\d+)? kg$/);
  expect(page.url()).toBe(`${origin}/`);
  expect((await (await asked).request().allHeaders())['origin']).toBe(origin);
  expect(complaints).toEqual([]);

  const stranger = await visit();
  await shows(stranger.page, /^Not connected yet$/);
});
