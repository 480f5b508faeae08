import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { computeInline } from '../support/inline-subtle.ts';
import { notificationSchedule } from './notification-schedule.ts';
import { notificationViolationsOf } from './notifications.ts';

computeInline();

/** A failure prints its seed and path: replay it with `npm run torture -- --of notifications --seed <seed> --path <path>`. */
const RUNS = 60;
const SEED = 20_261_129;

test(`${RUNS} random schedules lose no push, and no subscription outlives its person`, async () => {
  const property = fc.asyncProperty(notificationSchedule, async (drawn) => {
    expect(await notificationViolationsOf(drawn)).toEqual([]);
  });
  await fc.assert(property, { numRuns: RUNS, seed: SEED });
});
