import { env } from 'cloudflare:workers';
import * as fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { makeDeveloper } from '../support/developer.ts';
import { codeOf } from '../support/problem.ts';

/** The changes of all of an app's users: what a backend that applies them knows is what the metrics API says. */

const DAY = 86_400;
const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;

type Measurement = { metric: string; value: number; measured_at: string; group_id: number; derived: boolean };
type Change = { user_id: string; group_id?: number; reset?: true; deleted?: true; measurements?: Measurement[] };
type Page = { data: Change[]; next_cursor: string; has_more: boolean };

const fresh = async () => {
  await emptyTables();
  broker = await startBroker({ bindings: { DB: d1.d1 } });
  app = await makeApp(broker);
};
const seconds = () => Math.floor(broker.now() / 1000);
const addPerson = (id: string): Person => {
  const { people } = broker.simulator.state;
  const person = people.add({ id, userid: people.nextUserid(), name: id, description: '', timezone: 'Europe/Oslo' });
  if (person === null) throw new Error('taken');
  return person;
};
const weigh = (person: Person, weightKg: number, daysAgo = 1) =>
  broker.simulator.state.weighIns.add(person, { weightKg, date: seconds() - daysAgo * DAY, weightOnly: true });
const sync = async (user: string, from: TestApp = app) => {
  broker.advance(20_000);
  const response = await from.call('POST', `/withings/sync/${user}`);
  return { status: response.status, ...(await response.json<{ added: number; changed: number; removed: number }>()) };
};
const ask = (query: string, from: TestApp = app) => from.call('GET', `/changes${query}`);
const read = async (cursor: string | undefined, limit: number): Promise<Page> => {
  const answer = await ask(`?limit=${limit}${cursor === undefined ? '' : `&cursor=${cursor}`}`);
  expect(answer.status).toBe(200);
  const page = await answer.json<Page>();
  expect(page.data.length).toBeLessThanOrEqual(limit);
  return page;
};

/** A backend that keeps what it is told. */
const startReader = () => {
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

/** What the metrics API says of a user, derived values aside. */
const served = async (user: string) => {
  const answer = await app.call('GET', `/metrics/${user}?limit=1000&include=ambiguous,segments`);
  const { data, next_cursor: next } = await answer.json<{ data: Measurement[]; next_cursor: string | null }>();
  expect(next).toBeNull();
  return inOrder(data.filter(({ derived }) => !derived));
};

describe('what is not answered', () => {
  beforeAll(fresh);

  test('a request without a key, with one of another app, or one that may not read', async () => {
    const other = await makeApp(broker, 'Other');
    const path = `/apps/${app.id}/changes`;
    expect(await codeOf(await broker.request(path))).toBe('401 api_key_missing');
    const foreign = await broker.request(path, { headers: { 'X-API-Key': other.key } });
    expect(await codeOf(foreign)).toBe('404 app_not_found');
    const made = await broker.manage('POST', `/apps/${app.id}/keys`, { name: 'sync only', scopes: ['sync'] });
    const { key } = await made.json<{ key: string }>();
    const unscoped = await broker.request(path, { headers: { 'X-API-Key': key } });
    expect(await codeOf(unscoped)).toBe('403 insufficient_scope');
  });

  test("a user's token, and the token of a developer whose app it is not", async () => {
    const minted = await app.call('POST', '/withings/user-tokens', { user_id: 'ada' });
    const { token } = await minted.json<{ token: string }>();
    const headers = { Authorization: `Bearer ${token}` };
    expect(await codeOf(await broker.request(`/apps/${app.id}/changes`, { headers }))).toBe('403 user_token_not_taken');
    const eve = await makeDeveloper(broker);
    expect(await codeOf(await eve.call('GET', `/apps/${app.id}/changes`))).toBe('404 app_not_found');
  });

  test.each(['limit=0', 'limit=501', 'limit=1e9', 'limit=-1', 'limit=many', 'limit=1.5'])('%s', async (query) => {
    const answer = await ask(`?${query}`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'invalid_parameter', detail: expect.stringContaining('limit') });
  });

  test.each([
    ['garbage', 'x'],
    ['no JSON', btoa('no json')],
    ['another shape', btoa('["app",1]')],
    ['too long', 'A'.repeat(1_001)],
  ])('a cursor that is %s', async (_, cursor) => {
    const answer = await ask(`?cursor=${encodeURIComponent(cursor)}`);
    expect(await codeOf(answer)).toBe('400 invalid_parameter');
  });

  test("another app's cursor, and nobody is read by one that was made up", async () => {
    const other = await makeApp(broker, 'Third');
    const { next_cursor: cursor } = await (await ask('', other)).json<Page>();
    expect(await codeOf(await ask(`?cursor=${cursor}`))).toBe('400 invalid_parameter');
    addPerson('private');
    await connect(broker, app, 'ada', 'private');
    const row = await env.DB.prepare('SELECT id FROM connections WHERE app_id = ?')
      .bind(app.id)
      .first<{ id: number }>();
    const forged = btoa(JSON.stringify([other.id, 0, 0, [row?.id, 0, true]])).replaceAll('=', '');
    expect(await (await ask(`?cursor=${forged}`, other)).json()).toMatchObject({ data: [], has_more: false });
  });

  test('before any of that, nothing is noted', async () => {
    const { results } = await env.DB.prepare('SELECT 1 FROM apps WHERE id = ? AND reads_changes').bind(app.id).all();
    expect(results).toEqual([]);
  });
});

describe('a reader', () => {
  beforeEach(fresh);

  test('is given every user whole, then what changed, deletions included, and then nothing', async () => {
    const [ada, grace] = [addPerson('ada'), addPerson('grace')];
    const [first, second] = [weigh(ada, 60, 1), weigh(ada, 61, 2)].flat();
    weigh(grace, 70);
    for (const user of ['ada', 'grace']) {
      await connect(broker, app, user, user);
      await sync(user);
    }
    const reader = startReader();
    const whole = await reader.readAll();
    expect(whole.filter(({ reset }) => reset)).toEqual([
      { user_id: 'ada', reset: true },
      { user_id: 'grace', reset: true },
    ]);
    expect(whole).toHaveLength(5);
    expect(await reader.readAll()).toEqual([]);

    broker.simulator.state.weighIns.edit(ada, first?.grpid ?? 0, { weightKg: 62 });
    await sync('ada');
    expect(await reader.readAll()).toMatchObject([
      { user_id: 'ada', group_id: first?.grpid, measurements: [{ metric: 'weight', value: 62, unit: 'kg' }] },
    ]);
    ada.groups.remove(second?.grpid ?? 0);
    await sync('ada');
    expect(await reader.readAll()).toEqual([]);
    expect(await sync('ada')).toMatchObject({ removed: 1 });
    expect(await reader.readAll()).toEqual([{ user_id: 'ada', group_id: second?.grpid, deleted: true }]);
    await sync('grace');
    expect(await reader.readAll()).toEqual([]);
  });

  test('may be the owner of the app, with an access token', async () => {
    const owner = await makeDeveloper(broker);
    const owned = await makeApp(broker, 'Owned', owner.accountId);
    expect((await owner.call('GET', `/apps/${owned.id}/changes`)).status).toBe(200);
  });

  test('is given a new user, and the new account of an old one', async () => {
    const reader = startReader();
    await reader.readAll();
    weigh(addPerson('ada'), 60);
    weigh(addPerson('other'), 80);
    await connect(broker, app, 'ada', 'ada');
    await sync('ada');
    await reader.readAll();
    expect(reader.known('ada')).toHaveLength(1);
    await app.call('DELETE', '/withings/disconnect/ada');
    await connect(broker, app, 'ada', 'other');
    expect(await reader.readAll()).toEqual([{ user_id: 'ada', reset: true }]);
    await sync('ada');
    await reader.readAll();
    expect(reader.known('ada')).toEqual(await served('ada'));
    await app.call('DELETE', '/withings/disconnect/ada');
    await connect(broker, app, 'ada', 'ada');
    await reader.readAll(1);
    expect(reader.known('ada').join()).toContain('60');
    expect(reader.known('ada')).toEqual(await served('ada'));
  });

  test('who was away for longer than changes are remembered is given the user anew', async () => {
    const ada = addPerson('ada');
    weigh(ada, 50, 25);
    await connect(broker, app, 'ada', 'ada');
    await sync('ada');
    const [near, far] = [startReader(), startReader()];
    await Promise.all([near.readAll(), far.readAll()]);
    for (let index = 0; index < 17; index += 1) {
      weigh(ada, 60 + index);
      expect(await sync('ada')).toMatchObject({ added: 1 });
      if (index === 0) await near.readAll();
    }
    const changes = await near.readAll();
    expect(changes).toHaveLength(16);
    expect(changes.some(({ reset }) => reset)).toBe(false);
    expect((await far.readAll(5))[0]).toEqual({ user_id: 'ada', reset: true });
    for (const reader of [near, far]) expect(reader.known('ada')).toEqual(await served('ada'));
    // More at once than is remembered of one sync.
    for (let index = 0; index < 33; index += 1) weigh(ada, 60 + index, 2);
    await sync('ada');
    expect((await near.readAll())[0]).toEqual({ user_id: 'ada', reset: true });
    expect(near.known('ada')).toEqual(await served('ada'));
  });

  test('misses nothing of who moved on ahead of it, nor after the last of the order was erased', async () => {
    const people = ['ada', 'bea', 'cy'].map(addPerson);
    for (const person of people) {
      weigh(person, 60, 20);
      await connect(broker, app, person.id, person.id);
      await sync(person.id);
    }
    const reader = startReader();
    await reader.readAll();
    for (const user of ['cy', 'ada', 'bea', 'cy']) {
      for (const person of people.filter(({ id }) => id === user)) weigh(person, 70);
      await sync(user);
    }
    // `cy` was between the others, and has gone to the end.
    await reader.readPage(1);
    await reader.readAll(1);
    for (const { id } of people) expect(reader.known(id)).toEqual(await served(id));

    await app.call('DELETE', '/users/cy');
    for (const person of people.filter(({ id }) => id === 'ada')) weigh(person, 75);
    await sync('ada');
    expect(await reader.readAll()).toMatchObject([{ user_id: 'ada' }]);
    expect(reader.known('ada')).toEqual(await served('ada'));
  });
});

describe('what it costs', () => {
  beforeAll(fresh);

  const seedUsers = (from: number, to: number, changeSeq: number | null) =>
    env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
       INSERT INTO connections (id, app_id, user_id, withings_user_id, is_current, state, state_since, scope, created_at,
         token_version, access_expires_at, refreshed_at, change_seq)
       SELECT 4000000000000000 + i, ?3, 'seeded-' || i, 'seeded-' || i, 1, 'disconnected', 0, '', 0, 1, 0, 0, ?4 FROM n`,
    )
      .bind(from, to, app.id, changeSeq)
      .run();

  test('an app that does not read them writes nothing for it, one that does one row a sync', async () => {
    const ada = addPerson('ada');
    weigh(ada, 50, 25);
    await connect(broker, app, 'ada', 'ada');
    await sync('ada');
    const cost = async () => {
      weigh(ada, 60);
      broker.advance(60_000);
      d1.reset();
      await sync('ada');
      const noting = d1.statements.filter(({ sql }) => sql.includes('recent_changes'));
      return { all: d1.rowsWritten(), readToNote: noting.reduce((sum, { rowsRead }) => sum + rowsRead, 0) };
    };
    // One measurement in one group, and 3.
    expect((await cost()).all).toBeLessThanOrEqual(5);
    const before = await cost();
    const { results } = await env.DB.prepare('SELECT 1 FROM connections WHERE change_seq IS NOT NULL').all();
    expect(results).toEqual([]);
    await ask('');
    // The index entry; to find its place, the last entry is looked up for the place and for the list.
    const after = { all: before.all + 1, readToNote: before.readToNote + 2 };
    expect([await cost(), await cost()]).toEqual([after, after]);
  });

  test('a read grows with what changed, not with the users or with what changed before', async () => {
    const ada = broker.simulator.state.people.find('ada');
    if (ada === undefined) throw new Error('nobody');
    let page = await read(undefined, 100);
    while (page.has_more) page = await read(page.next_cursor, 100);
    let cursor = page.next_cursor;
    const costs: number[] = [];
    for (const [from, to] of [
      [0, 10],
      [10, 5_000],
    ] as const) {
      await seedUsers(from, to, from === 0 ? null : 1);
      weigh(ada, 61);
      await sync('ada');
      d1.reset();
      const { data, next_cursor: next } = await read(cursor, 100);
      expect(data).toHaveLength(1);
      costs.push(d1.rowsRead());
      expect(d1.rowsWritten()).toBe(0);
      expect(d1.calls()).toBe(3);
      cursor = next;
      d1.reset();
      expect((await read(cursor, 100)).data).toEqual([]);
      expect(d1.calls()).toBe(2);
      expect(d1.rowsRead()).toBeLessThanOrEqual(4);
    }
    expect(costs[1]).toBe(costs[0]);
    expect(costs[0]).toBeLessThanOrEqual(10);
  });

  test('a page of many users who are read whole fits one invocation', async () => {
    d1.reset();
    const page = await read(undefined, 500);
    expect(page.has_more).toBe(true);
    expect(page.data.length).toBeGreaterThan(30);
    expect(d1.calls()).toBeLessThan(45);
    expect(d1.rowsRead()).toBeLessThan(500);
  });
});

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
      await fresh();
      const { weighIns } = broker.simulator.state;
      const accounts = new Map(USERS.map((id): [string, Person[]] => [id, [addPerson(id), addPerson(`${id}-2`)]]));
      const reader = startReader();
      const personOf = (id: string): Person => {
        const [person] = accounts.get(id) ?? [];
        if (person === undefined) throw new Error('nobody');
        return person;
      };
      for (const id of USERS) {
        for (const person of accounts.get(id) ?? []) weigh(person, 50, 22);
        await connect(broker, app, id, id);
      }
      const take = async (one: Step): Promise<void> => {
        broker.advance(7_000);
        if (one.do === 'read') {
          await reader.readPage(one.limit);
          return;
        }
        const person = personOf(one.user);
        const [, ...changeable] = person.groups.all();
        const chosen = 'which' in one ? changeable[one.which % Math.max(1, changeable.length)] : undefined;
        if (one.do === 'weigh') {
          for (let index = 0; index < one.groups; index += 1) weigh(person, one.kg + index, one.daysAgo);
        } else if (one.do === 'sync') await sync(one.user);
        else if (one.do === 'erase') {
          expect((await app.call('DELETE', `/users/${one.user}`)).status).toBe(200);
          reader.forget(one.user);
          await connect(broker, app, one.user, person.id);
        } else if (one.do === 'switch') {
          accounts.get(one.user)?.reverse();
          await app.call('DELETE', `/withings/disconnect/${one.user}`);
          await connect(broker, app, one.user, personOf(one.user).id);
        } else if (chosen !== undefined && one.do === 'edit') weighIns.edit(person, chosen.grpid, { weightKg: one.kg });
        else if (chosen !== undefined) person.groups.remove(chosen.grpid);
      };
      for (const one of steps) await take(one);
      await reader.readAll(7);
      for (const id of USERS) expect(reader.known(id), id).toEqual(await served(id));
      expect(await reader.readAll()).toEqual([]);
    }),
    { numRuns: 12, seed: 650_117 },
  );
});
