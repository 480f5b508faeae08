import * as fc from 'fast-check';

import type { Faults } from '../../src/simulator/faults.ts';
import type { D1Fault } from './world.ts';

/** Who takes part. */
export const USERS = ['ada', 'ben'];

/**
 * A schedule: what is begun, and in which order everything that was begun goes on. Both are plain data, so that fast-check can invent,
 * shrink and replay them.
 */
export type Schedule = {
  /** How old the connections are at the start: due, or already expired. */
  ageMinutes: number;
  actions: Action[];
  /** At each step: which waiting task continues, or the next action begins. 0 is the task that has waited longest. */
  picks: number[];
};

export type Action =
  | { do: 'tick' }
  | { do: 'sync' | 'disconnect' | 'reconnect' | 'withdraw'; user: number }
  | { do: 'advance'; seconds: number }
  | { do: 'withings'; fault: WithingsFault; times: number }
  | { do: 'd1'; fault: D1Fault; times: number }
  /** D1 refuses everything for hours, and KV fails a few times. */
  | { do: 'outage'; hours: number }
  | { do: 'kv'; times: number }
  | { do: 'kill'; victim: number };

/** What goes wrong at Withings, but not how often. */
type WithingsFault = Parameters<Faults['add']>[0];

const user = fc.nat({ max: USERS.length - 1 });
const withingsFault: fc.Arbitrary<Action> = fc.record({
  do: fc.constant('withings' as const),
  times: fc.integer({ min: 1, max: 3 }),
  fault: fc.constantFrom<WithingsFault>(
    { kind: 'lost_answer' },
    { kind: 'http_500', takesEffect: true },
    { kind: 'html', takesEffect: true },
    { kind: 'cut_body' },
    { kind: 'http_503' },
    { kind: 'status', status: 601, error: 'Too many requests', waitSeconds: 30 },
    { kind: 'status', status: 2555, error: 'An unknown error occurred', takesEffect: true },
  ),
});
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Action>({ do: 'tick' }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('sync' as const), user }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('disconnect' as const), user }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reconnect' as const), user }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('withdraw' as const), user }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('advance' as const), seconds: fc.constantFrom(3, 30, 62, 95, 125, 900) }),
  },
  { weight: 3, arbitrary: withingsFault },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('d1' as const),
      fault: fc.constantFrom<D1Fault>('refused', 'answer_lost'),
      times: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('outage' as const), hours: fc.constantFrom(1, 9, 48) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kv' as const), times: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('kill' as const), victim: fc.nat({ max: 4 }) }) },
);

export const schedule: fc.Arbitrary<Schedule> = fc.record({
  ageMinutes: fc.constantFrom(165, 175, 240),
  actions: fc.array(action, { minLength: 1, maxLength: 12 }),
  picks: fc.array(fc.nat({ max: 5 }), { maxLength: 80 }),
});
