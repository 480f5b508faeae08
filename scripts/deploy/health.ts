import { setTimeout as wait } from 'node:timers/promises';

import * as z from 'zod';

import { userError } from '../user-error.ts';

const TRIES = 20;
const PAUSE_MS = 3_000;

const health = z.object({ checks: z.record(z.string(), z.string()) });

/**
 * Waits until the broker at `url` can serve: a new address takes a while to resolve.
 *
 * @returns the checks that `/healthz` still reports as failing; throws a `UserError` if the broker does not serve
 */
export const checkHealth = async (
  url: string,
  { fetch = globalThis.fetch, pause = async (ms: number): Promise<void> => wait(ms) } = {},
): Promise<string[]> => {
  let last = 'nothing';
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const answer = await fetch(`${url}/healthz`).catch(() => undefined);
    // Cloudflare Access answers 200 as well, and so does what had the host before.
    const report = answer?.ok ? health.safeParse(await answer.json().catch(() => undefined)) : undefined;
    if (report?.success) {
      return Object.entries(report.data.checks).flatMap(([name, state]) => (state === 'failing' ? [name] : []));
    }
    if (answer?.status === 500) {
      throw userError(`The Worker is deployed, but ${url}/healthz answers 500: \`npx wrangler tail\` says why.`);
    }
    if (answer !== undefined) last = answer.ok ? '200, but not of the broker' : String(answer.status);
    if (tries < TRIES) await pause(PAUSE_MS);
  }
  throw userError(
    `The Worker is deployed, but ${url}/healthz does not answer 200 yet (last: ${last}). Run this again in a few minutes.`,
  );
};
