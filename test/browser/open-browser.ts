import {
  type Browser,
  type BrowserContextOptions,
  chromium,
  type Page,
  type Response as Received,
} from 'playwright-core';
import { afterAll, beforeAll, onTestFinished } from 'vitest';

import { noteAnswer } from '../e2e/leaks.ts';
import { browserAt } from '../e2e/shared.ts';
import { NET_MS } from '../support/net.ts';

/** What came is searched for secrets when the file is done, like every other answer. */
const noted: Promise<void>[] = [];

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

let browser: Browser | undefined;
beforeAll(async () => {
  const { endpoint, failure } = browserAt;
  if (endpoint === undefined) throw new Error(`no browser could be started: ${failure}`);
  browser = await chromium.connect(endpoint, { timeout: NET_MS });
});
afterAll(async () => {
  await Promise.all(noted);
  await browser?.close();
});

/**
 * For one test: a page in a browser that has been nowhere before and shares nothing with another, though one Chromium serves all tests.
 * Whatever it receives is searched for secrets with the rest.
 */
export const openPage = async (options: BrowserContextOptions = {}): Promise<Page> => {
  if (browser === undefined) throw new Error('the browser is there only during a test');
  const context = await browser.newContext(options);
  onTestFinished(() => context.close());
  context.setDefaultTimeout(NET_MS);
  context.on('response', (received) => noted.push(note(received)));
  return context.newPage();
};
