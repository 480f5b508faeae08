/**
 * `npm run screenshots [-- --into DIR --person ID]`: takes the README's pictures of the dashboard. Starts what `npm run
 * dev` starts, links a simulated person with ten years of weigh-ins, and photographs the user's page in both color
 * schemes.
 */
import './help.ts';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import type { Page } from 'playwright-core';

import { launchChromium } from '../test/browser/chromium.ts';
import { signIn } from '../test/browser/sign-in.ts';
import { asApp, walk } from '../test/e2e/client.ts';
import { type Ready, spawnDev } from './dev/spawn.ts';
import { runMain, userError } from './user-error.ts';

const DEV = fileURLToPath(import.meta.resolve('./dev.ts'));
const { values } = parseArgs({ options: { into: { type: 'string' }, person: { type: 'string' } } });
const IMAGES = values.into ?? fileURLToPath(import.meta.resolve('../docs/images'));
const USER = 'ada@example.com';
const SCHEMES = ['light', 'dark'] as const;
const SIZE = { width: 1280, height: 748 };
/** For high-density screens. */
const SCALE = 2;
/** WebP quality. Text stays sharp, and a picture is below 100 KB. */
const QUALITY = 85;

/** Links the person and syncs the whole history, slice by slice. */
const fill = async (ready: Ready): Promise<void> => {
  await walk(ready, { userId: USER, person: values.person ?? 'walter' });
  for (;;) {
    const synced = await asApp(ready, 'POST', `/withings/sync/${encodeURIComponent(USER)}`);
    if (!synced.ok) throw userError(`The history did not come in: ${await synced.text()}`);
    if (synced.status === 200) return;
  }
};

/** A picture of the window. Playwright cannot make WebP, which needs a third of PNG's bytes. */
const photograph = async (page: Page, name: string): Promise<void> => {
  const session = await page.context().newCDPSession(page);
  const clip = { x: 0, y: 0, ...SIZE, scale: SCALE };
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY, clip });
  const picture = Buffer.from(data, 'base64');
  await writeFile(join(IMAGES, name), picture);
  console.log(`${name}: ${Math.ceil(picture.length / 1024)} KiB`);
};

const main = async (): Promise<void> => {
  const state = await mkdtemp(join(tmpdir(), 'mushu-screenshots-'));
  const options = ['--state', state, '--port', '0', '--simulator-port', '0'];
  const { ready, stop } = await spawnDev([process.execPath, DEV], options);
  const browser = await launchChromium();
  try {
    await fill(ready);
    const page = await browser.newPage({ viewport: SIZE, reducedMotion: 'reduce' });
    await signIn(page, ready);
    await page.goto(`${ready.url}/dashboard/apps/${ready.app_id}/users/${encodeURIComponent(USER)}?range=year`);
    await mkdir(IMAGES, { recursive: true });
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      await photograph(page, `dashboard-${colorScheme}.webp`);
    }
  } finally {
    await browser.close();
    await stop();
    await rm(state, { recursive: true, force: true });
  }
};

runMain(main);
