import { existsSync } from 'node:fs';

import chromium from '@sparticuz/chromium';
import { type Browser, chromium as playwright } from 'playwright-core';

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

/** Starts a real Chromium: the installed one, else the one that the package brings for Linux. It asks nothing of the network by itself. */
export const launchChromium = async (): Promise<Browser> => {
  const installed = INSTALLED.find((path) => existsSync(path));
  // Not the package's own arguments: its single process ends with the first context that is closed.
  return playwright.launch({ executablePath: installed ?? (await chromium.executablePath()), args: ARGS });
};
