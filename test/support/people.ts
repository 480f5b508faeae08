import type { Person } from '../../src/simulator/people/people.ts';
import type { Measure } from '../../src/withings/wire.ts';
import type { Broker } from './broker.ts';

type Simulated = Pick<Broker, 'simulator'>;

/** In seconds, as Withings counts. */
export const DAY = 86_400;

/** Adds a person without a weigh-in to the simulated Withings. */
export const addPerson = ({ simulator }: Simulated, id: string, timezone = 'Europe/Oslo'): Person => {
  const { people } = simulator.state;
  const person = people.add({ id, userid: people.nextUserid(), name: id, description: '', timezone });
  if (person === null) throw new Error(`${id} is taken`);
  return person;
};

type BareGroup = { date: number; created?: number; modified?: number; measures: Measure[] };

/** Adds a group without a device, stored at Withings when it was measured unless `created` says when. */
export const addBareGroup = (
  { simulator }: Simulated,
  person: Person,
  { date, created = date, modified = created, measures }: BareGroup,
) =>
  simulator.state.weighIns.addGroup(person, {
    attrib: 0,
    category: 1,
    deviceid: null,
    date,
    created,
    modified,
    measures,
  });

export const asWeight = (kg: number): Measure[] => [{ value: Math.round(kg * 1000), type: 1, unit: -3 }];
