import type { Browser, Response as Received } from 'playwright-core';
import { afterAll } from 'vitest';

import { noteAnswer } from '../e2e/leaks.ts';
import { launchChromium } from './chromium.ts';

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

/** Starts a Chromium for a test file: whatever it receives is searched with the rest. */
export const launchWatchedChromium = async (): Promise<Browser> => {
  const browser = await launchChromium();
  browser.on('context', (context) => context.on('response', (received) => noted.push(note(received))));
  return browser;
};
