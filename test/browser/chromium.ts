import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type Browser, type BrowserServer, chromium } from 'playwright-core';

import { NET_MS } from '../support/net.ts';

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

/** Outlives a run, not an installation, which may bring another version. */
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/chromium');

/**
 * Unpacks the package's Chromium, once. The package itself unpacks into the temporary folder, where it takes for whole what another
 * process is still writing, or did not live to write. So it does that in a folder of its own, which gets its name when it is whole.
 */
const unpacked = async (): Promise<string> => {
  if (!existsSync(CACHE)) {
    await mkdir(join(CACHE, '..'), { recursive: true });
    const folder = await mkdtemp(`${CACHE}-`);
    const env = { ...process.env, TMPDIR: folder };
    await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'unpack.ts')], { env });
    // Another process may have been first.
    await rename(folder, CACHE).catch(() => rm(folder, { recursive: true }));
  }
  return join(CACHE, 'chromium');
};

/** A Chromium that is there: the installed one, else the one that the package brings for Linux. It asks nothing of the network by itself. */
const options = async () => ({
  executablePath: INSTALLED.find((path) => existsSync(path)) ?? (await unpacked()),
  // Not the package's own arguments: its single process ends with the first context that is closed.
  args: ARGS,
  timeout: NET_MS,
});

/** Starts a real Chromium. */
export const launchChromium = async (): Promise<Browser> => chromium.launch(await options());

/** Starts a real Chromium for several processes to connect to. */
export const serveChromium = async (): Promise<BrowserServer> => chromium.launchServer(await options());
