import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { computeInline } from '../support/inline-subtle.ts';
import { webhookSchedule, webhookViolationsOf } from './webhooks.ts';

computeInline();

/** A failure prints its seed and path: replay it with `npm run torture -- --of webhooks --seed <seed> --path <path>`. */
const RUNS = 1_000;
const SEED = 20_261_128;

test(`${RUNS} random schedules lose no event and change no user’s order`, async () => {
  const property = fc.asyncProperty(webhookSchedule, async (drawn) => {
    expect(await webhookViolationsOf(drawn)).toEqual([]);
  });
  await fc.assert(property, { numRuns: RUNS, seed: SEED });
});
