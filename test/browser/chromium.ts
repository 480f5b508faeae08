import { existsSync } from 'node:fs';

import chromium from '@sparticuz/chromium';
import { type Browser, chromium as playwright, type Response as Received } from 'playwright-core';
import { afterAll } from 'vitest';

import { noteAnswer } from '../e2e/leaks.ts';

/** Where a Chrome or Chromium usually is, where one is installed. */
const INSTALLED = [
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:/Program Files/Google/Chrome/Application/chrome.exe',
];

const ARGS = [
  // Chromium's own sandbox needs rights that containers rarely give.
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** What came is searched for secrets when the file is done, like every other answer. */
const noted: Promise<void>[] = [];
afterAll(async () => {
  await Promise.all(noted);
});

/** A redirect has no body that could be read, nor has a page that is left before it is whole. */
const note = async (received: Received): Promise<void> => {
  const body = await received.text().catch(() => '');
  const headers = Object.entries(await received.allHeaders().catch(() => received.headers())).flatMap(([name, value]) =>
    value.split('\n').map((one): [string, string] => [name, one]),
  );
  const answer = new Response(BODILESS.includes(received.status()) ? null : body, {
    status: received.status(),
    headers,
  });
  await noteAnswer(received.request().method(), received.url(), answer);
};

const BODILESS = [204, 304];

/** Starts a real Chromium: the installed one, else the one that the package brings for Linux. It asks nothing of the network by itself. */
export const launchChromium = async (): Promise<Browser> => {
  const installed = INSTALLED.find((path) => existsSync(path));
  // Not the package's own arguments: its single process ends with the first context that is closed.
  const browser = await playwright.launch({
    executablePath: installed ?? (await chromium.executablePath()),
    args: ARGS,
  });
  browser.on('context', (context) => context.on('response', (received) => noted.push(note(received))));
  return browser;
};
