/**
 * Pausing the broker while its database is replaced. What says so is a secret of the Workers: a row of the database
 * would be taken back with it.
 */
import * as z from 'zod';

import type { Cloudflare } from '../deploy/cloudflare.ts';
import { withRemedy } from '../deploy/with-remedy.ts';
import { userError } from '../user-error.ts';

/** The name of the secret, which is a setting of the broker. */
export const PAUSED = 'PAUSED';

const TRIES = 20;
const TRY_EVERY_MS = 3_000;

/**
 * Cloudflare needs some seconds to tell all its locations, and what began before that ends. What takes longer has a
 * lease.
 */
const SETTLES_MS = 60_000;

type Pausable = {
  cloudflare: Pick<Cloudflare, 'get' | 'put' | 'delete'>;
  workers: readonly string[];
  /** Where the broker answers `/healthz`. */
  url: string;
  wait: (ms: number) => Promise<void>;
};

const path = (worker: string) => `/workers/scripts/${worker}/secrets`;

/**
 * Has every request refused from now on, and waits until nothing that began before still writes.
 *
 * @param longestLeaseMs asks the database how long the longest lease still runs
 */
export const pause = async (broker: Pausable, longestLeaseMs: () => Promise<number>): Promise<void> => {
  const { cloudflare, workers, wait } = broker;
  await withRemedy('Pausing the broker', async () => {
    for (const worker of workers) {
      await cloudflare.put(path(worker), { name: PAUSED, text: 'yes', type: 'secret_text' }, z.unknown());
    }
  });
  if (!(await isAnswerOfPaused(broker))) {
    // A release that knows no such setting goes on. One that is deployed later would be paused.
    await resume(broker);
    throw userError(
      `${broker.url}/healthz goes on as before, so nothing was restored. Deploy this release with \`npm run deploy\`, then run this again.`,
    );
  }
  await wait(SETTLES_MS);
  for (let leftMs = await longestLeaseMs(); leftMs > 0; leftMs = await longestLeaseMs()) await wait(leftMs);
};

/** Has requests answered again. */
export const resume = async ({ cloudflare, workers }: Pick<Pausable, 'cloudflare' | 'workers'>): Promise<void> =>
  withRemedy('Ending the pause', async () => {
    for (const worker of workers) {
      const present = await cloudflare.get(path(worker), z.array(z.object({ name: z.string() })));
      if (present.some(({ name }) => name === PAUSED)) await cloudflare.delete(`${path(worker)}/${PAUSED}`);
    }
  });

const problem = z.object({ code: z.string() });

const isAnswerOfPaused = async ({ url, wait }: Pick<Pausable, 'url' | 'wait'>): Promise<boolean> => {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const answer = await fetch(`${url}/healthz`).catch(() => undefined);
    const { data } = problem.safeParse(await answer?.json().catch(() => undefined));
    if (data?.code === 'paused') return true;
    if (tries < TRIES) await wait(TRY_EVERY_MS);
  }
  return false;
};
