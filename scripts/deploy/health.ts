import { setTimeout as wait } from 'node:timers/promises';

import { explained } from '../explained.ts';

const TRIES = 20;
const PAUSE_MS = 3_000;

/** Waits until the broker answers at `url`: a new address takes a while to be known everywhere. Throws a sentence where it does not. */
export const checkHealth = async (
  url: string,
  { fetch = globalThis.fetch, pause = async (ms: number): Promise<void> => wait(ms) } = {},
): Promise<void> => {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const answer = await fetch(`${url}/healthz`).catch(() => undefined);
    if (answer?.ok) return;
    if (answer?.status === 500) {
      throw explained(`The Worker is deployed, but ${url}/healthz answers 500: \`npx wrangler tail\` says why.`);
    }
    if (tries < TRIES) await pause(PAUSE_MS);
  }
  throw explained(`The Worker is deployed, but ${url}/healthz does not answer yet. Run this again in a few minutes.`);
};
