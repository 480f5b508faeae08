import { env } from 'cloudflare:workers';
import { expect } from 'vitest';

import type { Person } from '../../src/simulator/people/people.ts';
import { emptyTables, makeApp, startBroker, type TestApp } from './broker.ts';
import { meterD1 } from './d1-meter.ts';
import { addPerson, DAY } from './people.ts';

/** An app whose users change, and a backend that reads the changes of all of them. */

type Measurement = { metric: string; value: number; measured_at: string; group_id: number; derived: boolean };
type Change = { user_id: string; group_id?: number; reset?: true; deleted?: true; measurements?: Measurement[] };
export type Page = { data: Change[]; next_cursor: string; has_more: boolean };

export const startFeed = async () => {
  await emptyTables();
  const d1 = meterD1(env.DB);
  const broker = await startBroker({ bindings: { DB: d1.d1 } });
  const app = await makeApp(broker);
  const ask = (query: string, from: TestApp = app) => from.call('GET', `/changes${query}`);
  const read = async (cursor: string | undefined, limit: number): Promise<Page> => {
    const answer = await ask(`?limit=${limit}${cursor === undefined ? '' : `&cursor=${cursor}`}`);
    expect(answer.status).toBe(200);
    const page = await answer.json<Page>();
    expect(page.data.length).toBeLessThanOrEqual(limit);
    return page;
  };
  const seconds = () => Math.floor(broker.now() / 1000);
  return {
    d1,
    broker,
    app,
    ask,
    read,
    seconds,
    startReader: () => createReader(read),
    addPerson: (id: string): Person => addPerson(broker, id),
    weigh: (person: Person, weightKg: number, daysAgo = 1) =>
      broker.simulator.state.weighIns.add(person, { weightKg, date: seconds() - daysAgo * DAY, weightOnly: true }),
    sync: async (user: string, from: TestApp = app) => {
      broker.advance(20_000);
      const response = await from.call('POST', `/withings/sync/${user}`);
      const counts = await response.json<{ added: number; changed: number; removed: number }>();
      return { status: response.status, ...counts };
    },
    /** What the metrics API says of a user, derived values aside. */
    served: async (user: string) => {
      const answer = await app.call('GET', `/metrics/${user}?limit=1000&include=ambiguous,segments`);
      const { data, next_cursor: next } = await answer.json<{ data: Measurement[]; next_cursor: string | null }>();
      expect(next).toBeNull();
      return inOrder(data.filter(({ derived }) => !derived));
    },
  };
};
export type Feed = Awaited<ReturnType<typeof startFeed>>;

/** A backend that keeps what it is told. */
const createReader = (read: (cursor: string | undefined, limit: number) => Promise<Page>) => {
  const users = new Map<string, Map<number, Measurement[]>>();
  let cursor: string | undefined;
  const apply = ({ user_id: user, group_id: group = 0, reset, deleted, measurements = [] }: Change) => {
    const groups = users.get(user) ?? new Map<number, Measurement[]>();
    users.set(user, groups);
    if (reset === true) groups.clear();
    else if (deleted === true) groups.delete(group);
    else groups.set(group, measurements);
  };
  const readPage = async (limit = 100): Promise<Page> => {
    const page = await read(cursor, limit);
    page.data.forEach(apply);
    cursor = page.next_cursor;
    return page;
  };
  const readAll = async (limit = 100): Promise<Change[]> => {
    const changes: Change[] = [];
    for (let pages = 0; pages < 500; pages += 1) {
      const { data, has_more: hasMore } = await readPage(limit);
      changes.push(...data);
      if (!hasMore) return changes;
    }
    throw new Error('it never comes to an end');
  };
  const known = (user: string) => inOrder([...(users.get(user)?.values() ?? [])].flat());
  return { readPage, readAll, known, forget: (user: string) => users.delete(user) };
};

const inOrder = (measurements: Measurement[]) =>
  measurements.map((one) => JSON.stringify(one, Object.keys(one).sort())).sort();
