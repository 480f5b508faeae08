import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

import { choosePort } from '../../scripts/dev/ports.ts';
import { registerRedirectUri, updateApp } from '../../src/client/management.ts';
import { openPage } from './open-browser.ts';

/** `examples/web` as its README starts it, in a real browser: its page, its script, its backend. */

const { ready } = inject('dev');
let example: ChildProcess | undefined;
let origin: string;

beforeAll(async () => {
  const { port } = await choosePort('The example', { flag: '--port', wanted: '0', usual: 0 });
  origin = `http://127.0.0.1:${port}`;
  const operator = { url: ready.url, credential: ready.admin_token };
  expect(await updateApp(operator, ready.app_id, { allow_loopback: true })).toMatchObject({ ok: true });
  expect(await registerRedirectUri(operator, ready.app_id, `${origin}/withings/done`)).toMatchObject({ ok: true });
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

/** A person at the page, whose browser has been there never before; what the page's script complains of is kept. */
const visit = async (): Promise<{ page: Page; complaints: string[] }> => {
  const page = await openPage();
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
