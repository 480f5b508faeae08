import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { computeInline } from '../support/inline-subtle.ts';
import { type NotificationSchedule, notificationSchedule } from './notification-schedule.ts';
import { notificationViolationsOf } from './notifications.ts';

computeInline();

/** A failure prints its seed and path: replay it with `npm run torture -- --of notifications --seed <seed> --path <path>`. */
const RUNS = 2_000;
const SEED = 20_261_129;

/** Schedules that once found a mistake. */
const FOUND: NotificationSchedule[] = [
  {
    // The first weigh-in of all came while an empty past was being read, in pieces after a bad answer: its push ended with that past.
    revokeEnds: false,
    doubles: 'kept',
    actions: [
      { do: 'weigh', person: 1, edit: false },
      { do: 'tick' },
      { do: 'deliver', order: 'sent' },
      { do: 'advance', seconds: 62 },
      { do: 'withings', fault: { kind: 'html', takesEffect: true }, times: 1 },
      { do: 'tick' },
      { do: 'weigh', person: 0, edit: false },
      { do: 'erase', app: 0, person: 0 },
    ],
    picks: [0, 0, 1, 2],
  },
  {
    // The share was used up, and a past that only waits for it counts as running: so the push counted as done.
    revokeEnds: false,
    doubles: 'kept',
    actions: [
      { do: 'advance', seconds: 62 },
      { do: 'tick' },
      { do: 'withings', fault: { kind: 'status', status: 601, waitSeconds: 30 }, times: 1 },
      { do: 'withings', fault: { kind: 'html', takesEffect: true }, times: 1 },
      { do: 'weigh', person: 1, edit: false },
      { do: 'connect', app: 0, person: 0, as: 0 },
      { do: 'rotate' },
      { do: 'weigh', person: 0, edit: false },
    ],
    picks: [0, 0, 3, 3, 3, 3],
  },
  {
    // Three connections of one person were all synced again after each refusal, and so used up the share before the other person.
    revokeEnds: false,
    doubles: 'kept',
    actions: [
      { do: 'weigh', person: 1, edit: false },
      { do: 'deliver', order: 'sent' },
      { do: 'weigh', person: 1, edit: false },
      { do: 'connect', app: 1, person: 1, as: 0 },
      { do: 'weigh', person: 0, edit: false },
      { do: 'deliver', order: 'reversed' },
      { do: 'tick' },
    ],
    picks: [],
  },
  {
    // A push found one that waited for a part of the person's connections alone, and counted as that one.
    revokeEnds: false,
    doubles: 'kept',
    actions: [
      { do: 'weigh', person: 0, edit: false },
      { do: 'weigh', person: 1, edit: false },
      { do: 'deliver', order: 'sent' },
      { do: 'weigh', person: 0, edit: false },
      { do: 'withings', fault: { kind: 'lost_answer', action: 'subscribe' }, times: 1 },
    ],
    picks: [],
  },
];

test(`${RUNS} random schedules lose no push, and no subscription outlives its person`, async () => {
  const property = fc.asyncProperty(notificationSchedule, async (drawn) => {
    expect(await notificationViolationsOf(drawn)).toEqual([]);
  });
  await fc.assert(property, { numRuns: RUNS, seed: SEED, examples: FOUND.map((found) => [found]) });
});
