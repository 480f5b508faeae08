import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { computeInline } from '../support/inline-subtle.ts';
import { type Schedule, schedule } from './actions.ts';
import { violationsOf } from './schedule.ts';

computeInline();

/**
 * A guard that only a schedule notices is noticed within 300 of them (`npm run guards`); `npm run torture` draws a million.
 * A failure prints its seed and path: replay it with `npm run torture -- --seed <seed> --path <path>`.
 */
const RUNS = 300;
const SEED = 20_261_122;

/** Schedules that once found a mistake. */
const FOUND: Schedule[] = [
  {
    // Who had withdrawn was ahead in doubt, its proof of the client never fitted the share, and the other's 8 hours went by.
    ageMinutes: 165,
    actions: [
      { do: 'tick' },
      { do: 'withings', times: 1, fault: { kind: 'lost_answer' } },
      { do: 'withdraw', user: 1 },
      { do: 'withings', times: 1, fault: { kind: 'lost_answer' } },
      { do: 'advance', seconds: 900 },
      { do: 'sync', user: 0 },
    ],
    picks: [0, 1],
  },
  {
    // D1 was out for longer than the token before lived, and the pair was dropped.
    ageMinutes: 240,
    actions: [
      { do: 'sync', user: 0 },
      { do: 'outage', hours: 9 },
    ],
    picks: [0, 0, 0, 0, 1],
  },
];

test(`${RUNS} random schedules lose no connection and break no rule`, async () => {
  const property = fc.asyncProperty(schedule, async (drawn) => {
    expect(await violationsOf(drawn)).toEqual([]);
  });
  await fc.assert(property, { numRuns: RUNS, seed: SEED, examples: FOUND.map((found) => [found]) });
});
