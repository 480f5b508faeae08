import * as fc from 'fast-check';

import type { faultKinds } from '../../src/simulator/faults.ts';
import type { Oddity } from './odd-groups.ts';

/** What may happen to a person's weigh-ins, drawn at random. */

export type FaultKind = (typeof faultKinds)[number];

/** Drawn of the kinds of odd groups. */
const DRAWN: readonly Oddity[] = [
  'ahead',
  'before_1970',
  'filled_in',
  'zero',
  'foot',
  'unreadable',
  'missing',
  'abroad',
];

export type Step =
  | {
      do: 'weigh';
      kg: number;
      daysAgo: number;
      device: 'body_plus' | 'body_cardio' | 'body_scan' | 'manual';
      visitor: boolean;
    }
  | { do: 'height'; meters: number; daysAgo: number }
  | { do: 'edit'; which: number; kg: number; daysAgo: number }
  | { do: 'attribute'; which: number; attrib: 0 | 1 }
  | { do: 'delete'; which: number }
  | { do: 'odd'; kind: Oddity; kg: number; daysAgo: number; zone: string }
  | { do: 'pause'; syncs: number }
  | { do: 'sync'; fault: FaultKind | undefined; after: number };

export const ZONES = ['Pacific/Kiritimati', 'Asia/Kolkata', 'America/St_Johns', 'Europe/Oslo', 'Pacific/Apia'];

const daysAgo = fc.double({ min: 0.01, max: 24, noNaN: true });
const kg = fc.integer({ min: 400, max: 1500 }).map((tenths) => tenths / 10);
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('weigh' as const),
      kg,
      daysAgo,
      device: fc.constantFrom('body_plus', 'body_cardio', 'body_scan', 'manual'),
      visitor: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('height' as const),
      meters: fc.integer({ min: 1400, max: 2000 }).map((mm) => mm / 1000),
      daysAgo,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('edit' as const), which: fc.nat(), kg, daysAgo }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('attribute' as const), which: fc.nat(), attrib: fc.constantFrom(0, 1) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), which: fc.nat() }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('odd' as const),
      kind: fc.constantFrom(...DRAWN),
      kg,
      daysAgo,
      zone: fc.constantFrom(...ZONES),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const), syncs: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('sync' as const),
      fault: fc.constantFrom<(FaultKind | undefined)[]>(
        undefined,
        undefined,
        'lost_answer',
        'http_500',
        'html',
        'cut_body',
        'empty_body',
        'status',
      ),
      after: fc.nat({ max: 2 }),
    }),
  },
);
