import type { Distortion } from '../../src/simulator/measures/groups.ts';
import type { Person } from '../../src/simulator/people/people.ts';
import type { SimulatorState } from '../../src/simulator/state.ts';
import type { Measure } from '../../src/withings/wire.ts';
import { DAY } from './people.ts';

/** Groups that most clients get wrong. */

export type Oddity = 'ahead' | 'before_1970' | 'filled_in' | 'zero' | 'foot' | 'unreadable' | 'missing' | 'abroad';

type OddGroup = {
  kind: Oddity;
  kg: number;
  daysAgo: number;
  /** Where it was measured, if abroad. */
  zone: string;
};

/** Gives a person a group of the kind; its id. */
export const addOdd = ({ clock, weighIns }: SimulatorState, person: Person, odd: OddGroup): number => {
  const { kind, kg, zone } = odd;
  const now = clock.seconds();
  const isTypedIn = kind === 'filled_in' || kind === 'zero';
  const deviceid = isTypedIn ? null : 'd'.repeat(40);
  const { grpid } = weighIns.addGroup(person, {
    attrib: isTypedIn ? 2 : kind === 'foot' ? 10 : 0,
    date: dateOf(odd, now),
    created: now,
    modified: now,
    category: 1,
    deviceid,
    hash_deviceid: deviceid,
    measures: measuresOf(kind, Math.round(kg * 1000)),
    modelid: isTypedIn ? null : 6,
    model: isTypedIn ? null : 'Body Cardio',
    comment: null,
    ...(kind === 'abroad' && { timezone: zone }),
    ...(kind === 'missing' && { distortion: { without: ['created', 'modelid', 'comment'] } }),
    ...(kind === 'unreadable' && { distortion: brokenWeight }),
  });
  return grpid;
};

const dateOf = ({ kind, daysAgo }: OddGroup, now: number): number => {
  if (kind === 'ahead') return now + Math.ceil(daysAgo * DAY);
  if (kind === 'before_1970') return -Math.ceil(daysAgo * 400 * DAY);
  return Math.floor(now - daysAgo * DAY);
};

const fatRatio = { type: 6, unit: -3, value: 21_000 };
const brokenWeight: Distortion = { instead: { measures: [{ type: 1, unit: -3, value: 'n/a' }, fatRatio] } };

const measuresOf = (kind: Oddity, grams: number): Measure[] => {
  const weight = { type: 1, unit: -3, value: grams };
  switch (kind) {
    case 'zero':
      return [{ ...weight, value: 0 }];
    case 'filled_in':
      return [weight, { ...weight, type: 8, value: 0 }, { ...weight, type: 6, value: 0 }, { ...weight, type: 5 }];
    case 'foot':
      return [91, 155].map((type) => ({ type, unit: -3, value: grams, position: 4 }));
    case 'unreadable':
      return [weight, fatRatio];
    default:
      return [weight];
  }
};
