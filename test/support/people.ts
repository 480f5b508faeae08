import type { Person } from '../../src/simulator/people/people.ts';
import type { Broker } from './broker.ts';

/** Adds a person without a weigh-in to the simulated Withings. */
export const addPerson = ({ simulator }: Pick<Broker, 'simulator'>, id: string, timezone = 'Europe/Oslo'): Person => {
  const { people } = simulator.state;
  const person = people.add({ id, userid: people.nextUserid(), name: id, description: '', timezone });
  if (person === null) throw new Error(`${id} is taken`);
  return person;
};
