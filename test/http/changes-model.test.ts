import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Person } from '../../src/simulator/people/people.ts';
import { connect } from '../support/broker.ts';
import { startFeed } from '../support/changes-feed.ts';

/** Random histories of several users, and a backend that applies what it is given. */

type Step =
  | { do: 'weigh'; user: string; groups: number; kg: number; daysAgo: number }
  | { do: 'edit' | 'delete'; user: string; which: number; kg: number }
  | { do: 'sync' | 'erase' | 'switch'; user: string }
  | { do: 'read'; limit: number };

const USERS = ['ada', 'bea', 'cy'];
const user = fc.constantFrom(...USERS);
const kg = fc.integer({ min: 400, max: 1500 }).map((tenths) => tenths / 10);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('weigh' as const),
      user,
      groups: fc.constantFrom(1, 1, 2, 3, 34),
      kg,
      daysAgo: fc.integer({ min: 1, max: 20 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('edit' as const, 'delete' as const), user, which: fc.nat(), kg }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('sync' as const), user }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('erase' as const, 'switch' as const), user }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('read' as const), limit: fc.constantFrom(1, 2, 3, 50) }) },
);

test('whatever happens to whom, who applies what it is given knows what the metrics API says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 45 }), async (steps) => {
      const feed = await startFeed();
      const { weighIns } = feed.broker.simulator.state;
      const accounts = new Map(
        USERS.map((id): [string, Person[]] => [id, [feed.addPerson(id), feed.addPerson(`${id}-2`)]]),
      );
      const reader = feed.startReader();
      const personOf = (id: string): Person => {
        const [person] = accounts.get(id) ?? [];
        if (person === undefined) throw new Error('nobody');
        return person;
      };
      for (const id of USERS) {
        for (const person of accounts.get(id) ?? []) feed.weigh(person, 50, 22);
        await connect(feed.broker, feed.app, id, id);
      }
      const take = async (one: Step): Promise<void> => {
        feed.broker.advance(7_000);
        if (one.do === 'read') {
          await reader.readPage(one.limit);
          return;
        }
        const person = personOf(one.user);
        const [, ...changeable] = person.groups.all();
        const chosen = 'which' in one ? changeable[one.which % Math.max(1, changeable.length)] : undefined;
        if (one.do === 'weigh') {
          for (let index = 0; index < one.groups; index += 1) feed.weigh(person, one.kg + index, one.daysAgo);
        } else if (one.do === 'sync') await feed.sync(one.user);
        else if (one.do === 'erase') {
          expect((await feed.app.call('DELETE', `/users/${one.user}`)).status).toBe(200);
          reader.forget(one.user);
          await connect(feed.broker, feed.app, one.user, person.id);
        } else if (one.do === 'switch') {
          accounts.get(one.user)?.reverse();
          await feed.app.call('DELETE', `/withings/disconnect/${one.user}`);
          await connect(feed.broker, feed.app, one.user, personOf(one.user).id);
        } else if (chosen !== undefined && one.do === 'edit') weighIns.edit(person, chosen.grpid, { weightKg: one.kg });
        else if (chosen !== undefined) person.groups.remove(chosen.grpid);
      };
      for (const one of steps) await take(one);
      await reader.readAll(7);
      for (const id of USERS) expect(reader.known(id), id).toEqual(await feed.served(id));
      expect(await reader.readAll()).toEqual([]);
    }),
    { numRuns: 12, seed: 650_117 },
  );
});
