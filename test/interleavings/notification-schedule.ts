import * as fc from 'fast-check';

import type { Faults } from '../../src/simulator/faults.ts';
import type { D1Fault } from './world.ts';

/**
 * Notifications under random schedules: what people weigh, push by push, between disconnects, erasures, links to another account, a new key
 * and lost answers, with two apps of one person.
 */

export const APPS = ['app_one', 'app_two'];
export const PEOPLE = ['ada', 'ben'];

export type Slot = { app: number; person: number };
type WithingsFault = Parameters<Faults['add']>[0];
export type Action =
  | { do: 'weigh'; person: number; edit: boolean }
  | { do: 'deliver'; order: 'sent' | 'reversed' }
  | { do: 'pushes'; copies: number }
  | { do: 'tick' }
  /** `as` is the account that the user links. */
  | ({ do: 'connect'; as: number } & Slot)
  | ({ do: 'disconnect' | 'erase' } & Slot)
  | { do: 'rotate' }
  | { do: 'advance'; seconds: number }
  | { do: 'withings'; fault: WithingsFault; times: number }
  | { do: 'd1'; fault: D1Fault; times: number }
  | { do: 'kill'; victim: number };

export type NotificationSchedule = {
  revokeEnds: boolean;
  doubles: 'kept' | 'merged';
  actions: Action[];
  picks: number[];
};

const person = fc.nat({ max: PEOPLE.length - 1 });
const app = fc.nat({ max: APPS.length - 1 });
const times = fc.integer({ min: 1, max: 3 });
const fault = fc.constantFrom<WithingsFault>(
  { kind: 'lost_answer', action: 'subscribe' },
  { kind: 'lost_answer', action: 'revoke' },
  { kind: 'cut_body', action: 'list' },
  { kind: 'lost_answer', action: 'getmeas' },
  { kind: 'http_503' },
  { kind: 'status', status: 293, action: 'subscribe' },
  { kind: 'status', status: 601, waitSeconds: 30 },
  { kind: 'html', takesEffect: true },
);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('weigh' as const), person, edit: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      order: fc.constantFrom('sent' as const, 'reversed' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('pushes' as const),
      lost: fc.boolean(),
      copies: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 6, arbitrary: fc.constant<Action>({ do: 'tick' }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('connect' as const), app, person, as: person }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('disconnect' as const), app, person }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('erase' as const), app, person }) },
  { weight: 1, arbitrary: fc.constant<Action>({ do: 'rotate' }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      seconds: fc.constantFrom(3, 10, 30, 62, 125, 900, 86_400),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('withings' as const), fault, times }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('d1' as const),
      fault: fc.constantFrom<D1Fault>('refused', 'answer_lost'),
      times,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const), victim: fc.nat({ max: 4 }) }) },
);

export const notificationSchedule: fc.Arbitrary<NotificationSchedule> = fc.record({
  revokeEnds: fc.boolean(),
  doubles: fc.constantFrom('kept' as const, 'merged' as const),
  actions: fc.array(action, { minLength: 1, maxLength: 14 }),
  picks: fc.array(fc.nat({ max: 5 }), { maxLength: 80 }),
});
