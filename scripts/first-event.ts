/**
 * `npm run first-event`: the time from nothing to a verified event, by the steps of "Receive events" in
 * examples/web/README.md. Their commands, fields and buttons are read from there. It clones the last commit.
 */
import './help.ts';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { Page } from 'playwright-core';

import { launchChromium } from '../test/browser/chromium.ts';
import { signIn } from '../test/browser/sign-in.ts';
import { choosePort } from './dev/ports.ts';
import { type Ready, spawnDev } from './dev/spawn.ts';
import { eventSteps } from './first-event/steps.ts';
import { runMain, userError } from './user-error.ts';

const TARGET_SECONDS = 300;

const run = promisify(execFile);
const REPOSITORY = fileURLToPath(import.meta.resolve('..'));

/** Step 2: adds the endpoint in the dashboard; its secret. */
const addEndpoint = async (page: Page, ready: Ready, { app, tab, url, add }: Steps): Promise<string> => {
  await signIn(page, ready);
  await page.getByRole('link', { name: app, exact: true }).click();
  await page.getByRole('link', { name: tab, exact: true }).click();
  await page.getByLabel('URL').fill(url);
  await page.getByRole('button', { name: add }).click();
  return page.locator('.secret code').innerText();
};

type Steps = ReturnType<typeof eventSteps>;

/** Step 3: the receiver, as its command starts it; the lines that it prints. */
const startReceiver = (clone: string, commands: string, port: number) => {
  const child = spawn('sh', ['-ec', commands], {
    cwd: clone,
    env: { ...process.env, PORT: String(port) },
    // A group of its own: `npx` starts others.
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit').then(() => Promise.reject(userError('The receiver ended.')));
  ended.catch(() => undefined);
  // It outlives an interrupt, which its group does not get.
  const stop = () => void (child.exitCode === null && child.signalCode === null && process.kill(-(child.pid ?? 0)));
  process.once('exit', stop);
  process.once('SIGINT', () => process.exit(130));
  return {
    /** Waits until it prints a line that contains the text. */
    says: (text: string): Promise<void> =>
      Promise.race([
        ended,
        new Promise<void>((resolve) => lines.on('line', (line) => line.includes(text) && resolve())),
      ]),
    /** Ends it, and what it started. */
    stop: async () => {
      stop();
      await ended.catch(() => undefined);
    },
  };
};

const main = async (): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'mushu-first-event-'));
  const clone = join(folder, 'clone');
  // A newcomer has a browser.
  const browser = await launchChromium();
  const { port } = await choosePort('The receiver', { flag: 'PORT', wanted: '0', usual: 0 });
  const stops: (() => unknown)[] = [];
  const begin = performance.now();
  let before = begin;
  const done = (step: string): void => {
    const now = performance.now();
    console.log(`${((now - before) / 1_000).toFixed(1).padStart(6)} s  ${step}`);
    before = now;
  };
  try {
    await run('git', ['clone', '--quiet', REPOSITORY, clone]);
    const readme = await readFile(join(clone, 'examples/web/README.md'), 'utf8');
    const steps = eventSteps(readme.replaceAll('8081', String(port)));
    await run(steps.install, { shell: true, cwd: clone });
    done(`git clone, ${steps.install}`);
    // A clone has no compiled files of an earlier run.
    process.env['NODE_COMPILE_CACHE'] = join(folder, 'compiled');
    const { ready, stop } = await spawnDev(
      ['npm', '--prefix', clone, ...steps.start, '--silent', '--'],
      ['--port', '0', '--simulator-port', '0'],
    );
    stops.push(stop);
    done('npm run dev');
    const page = await browser.newPage();
    const secret = await addEndpoint(page, ready, steps);
    done('the endpoint, in the dashboard');
    const receiver = startReceiver(clone, steps.receiver.replace('whsec_…', secret), port);
    stops.push(receiver.stop);
    await receiver.says(steps.url);
    done('the receiver');
    const received = receiver.says(steps.received);
    await page.getByRole('button', { name: steps.send }).click();
    await received;
    done(steps.received);
    const seconds = (performance.now() - begin) / 1_000;
    console.log(
      `A verified event after ${seconds.toFixed(0)} s. Of ${TARGET_SECONDS} s, ${(TARGET_SECONDS - seconds).toFixed(0)} s are left to read ${steps.words} words.`,
    );
    if (seconds > TARGET_SECONDS) process.exitCode = 1;
  } finally {
    await browser.close();
    for (const stop of stops.toReversed()) await stop();
    await rm(folder, { recursive: true, force: true });
  }
};

runMain(main);
