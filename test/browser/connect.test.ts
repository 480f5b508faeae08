import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Page } from 'playwright-core';
import { beforeEach, describe, expect, test } from 'vitest';

import { ready } from '../e2e/shared.ts';
import { openPage } from './open-browser.ts';

const WOMOJI = 'womoji://withings/success';
const WEB = 'https://womoji.example/withings/done';
/** Pages are photographed here where MUSHU_SCREENSHOTS asks for it, for a person to look at. */
const screenshots = process.env['MUSHU_SCREENSHOTS'] === undefined ? undefined : join(tmpdir(), 'mushu-screenshots');

let page: Page;

beforeEach(async () => {
  page = await openPage();
  if (screenshots !== undefined) await mkdir(screenshots, { recursive: true });
});

const authUrl = (userId: string, redirectUri: string): string =>
  `${ready.url}/apps/${ready.app_id}/withings/auth?${new URLSearchParams({ user_id: userId, redirect_uri: redirectUri }).toString()}`;

const photograph = async (name: string): Promise<void> => {
  if (screenshots === undefined) return;
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await page.screenshot({ path: join(screenshots, `${name}-${width}.png`), fullPage: true });
  }
};

/** Answers for the app's own site. Through the protocol beneath, because a route of Playwright's does not see what a redirect leads to. */
const playTheApp = async (): Promise<void> => {
  const session = await page.context().newCDPSession(page);
  session.on('Fetch.requestPaused', ({ requestId }) => {
    void session.send('Fetch.fulfillRequest', {
      requestId,
      responseCode: 200,
      responseHeaders: [{ name: 'Content-Type', value: 'text/html' }],
      body: Buffer.from('<h1>Welcome back</h1>').toString('base64'),
    });
  });
  await session.send('Fetch.enable', { patterns: [{ urlPattern: 'https://womoji.example/*' }] });
};

const status = async (userId: string): Promise<unknown> =>
  (
    await fetch(`${ready.url}/apps/${ready.app_id}/withings/status/${userId}`, {
      headers: { 'X-API-Key': ready.api_key },
    })
  ).json();

describe('a real browser', () => {
  test('that opens a link with an unregistered URI is shown why, and sent nowhere', async () => {
    const response = await page.goto(authUrl('browser-nobody', 'https://womoji.example/withings/other'));
    expect(response?.status()).toBe(400);
    await expect(page.title()).resolves.toContain('redirect_uri not allowed');
    expect(page.url().startsWith(ready.url)).toBe(true);
    await page.getByText('redirect_uri_not_allowed').waitFor();
    expect(await page.locator('p code').first().textContent()).toContain('mushu');
    await photograph('error');
  });

  test('goes from the link through consent to the app on the web', async () => {
    await playTheApp();
    await page.goto(authUrl('browser-web', WEB));
    await photograph('consent');
    await page.getByRole('radio', { name: /Kenji/ }).check();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    expect(page.url()).toBe(WEB);
    expect(await status('browser-web')).toEqual({ connected: true });
  });

  test('that denies comes back to the app, which is told so', async () => {
    await playTheApp();
    await page.goto(authUrl('browser-denied', WEB));
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied');
    expect(await status('browser-denied')).toEqual({ connected: false });
  });

  test('is redirected to a custom scheme by a 302 that has a button for those who want a tap', async () => {
    const callback = page.waitForResponse((response) => response.url().startsWith(`${ready.url}/withings/callback`));
    await page.goto(authUrl('browser-phone', WOMOJI));
    await page.getByRole('radio', { name: /Nora/ }).check();
    // No app of that scheme is installed here, so the navigation ends with the redirect.
    await page.getByRole('button', { name: 'Allow' }).click({ noWaitAfter: true });
    const response = await callback;
    expect(response.status()).toBe(302);
    expect(await response.headerValue('Location')).toBe(WOMOJI);
    await expect.poll(() => status('browser-phone')).toEqual({ connected: true });
  });

  test('without the app ends a link with ending=page on a page that says so, and leads to the app', async () => {
    await page.goto(`${authUrl('browser-desktop', WOMOJI)}&ending=page`);
    await page.getByRole('radio', { name: /Nora/ }).check();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('heading', { name: 'Connected' }).waitFor();
    await photograph('ending');
    expect(await page.getByRole('link', { name: 'Back to the app' }).getAttribute('href')).toBe(WOMOJI);
    expect(await status('browser-desktop')).toEqual({ connected: true });
  });

  test('finds that button on the page of the redirect, where it leads to the app', async () => {
    await page.goto(authUrl('browser-tap', WOMOJI));
    await page.getByRole('radio', { name: /Priya/ }).check();
    const consented = page.waitForRequest((request) => request.url().startsWith(`${ready.url}/withings/callback`));
    // The callback is held back, and asked for by hand: a browser does not show the body of a redirect that it follows.
    await page.route(`${ready.url}/withings/callback*`, (route) => route.abort());
    await page.getByRole('button', { name: 'Allow' }).click({ noWaitAfter: true });
    const answer = await fetch((await consented).url(), { redirect: 'manual' });
    expect(answer.status).toBe(302);
    await page.unrouteAll();
    const html = await answer.text();
    await page.route(`${ready.url}/withings/callback*`, (route) =>
      route.fulfill({ contentType: 'text/html', body: html }),
    );
    await page.goto(`${ready.url}/withings/callback`);
    await photograph('return');
    expect(await page.getByRole('link', { name: 'Back to the app' }).getAttribute('href')).toBe(WOMOJI);
  });
});
