import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { addPerson, DAY } from '../support/people.ts';

/**
 * Groups that hold their values a second time, as releases up to 0.1 stored them: read as they are, and emptied by the
 * cron.
 */

const MINUTE_MS = 60_000;
const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;
let ada: Person;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker({ bindings: { DB: d1.d1 } });
  app = await makeApp(broker);
  ada = await person('ada');
  await person('bea');
  await asEarlierReleasesStored();
});

const person = async (id: string): Promise<Person> => {
  const made = addPerson(broker, id, 'Europe/Lisbon');
  for (let day = 0; day < 12; day += 1) weigh(made, day);
  await connect(broker, app, id, id);
  await sync(id);
  return made;
};

const weigh = (of: Person, day: number) =>
  broker.simulator.state.weighIns.add(of, {
    weightKg: 70 + day / 10,
    fatRatio: 21.3,
    date: Math.floor(broker.now() / 1000) - day * DAY,
    device: 'body_scan',
  });

const sync = async (id: string) => {
  broker.advance(MINUTE_MS);
  return (await app.call('POST', `/withings/sync/${id}`)).json<{ added: number; changed: number; removed: number }>();
};

/** Writes the groups again as releases up to 0.1 did, and what the migration leaves for the cron. */
const asEarlierReleasesStored = async (): Promise<void> => {
  const { results } = await env.DB.prepare(
    'SELECT connection_id, group_id, type, position, value FROM measurements ORDER BY connection_id, group_id, type, position',
  ).all<{ connection_id: number; group_id: number; type: number; position: number; value: number }>();
  const byGroup = Map.groupBy(results, (row) => `${row.connection_id} ${row.group_id}`);
  const write = env.DB.prepare(
    'UPDATE groups SET content = ?3, kinds_id = NULL, digest = NULL WHERE connection_id = ?1 AND group_id = ?2',
  );
  await env.DB.batch([
    ...[...byGroup].map(([key, rows]) => {
      const content = JSON.stringify(rows.map(({ type, position, value }) => [type, position, value]));
      return write.bind(...key.split(' ').map(Number), content);
    }),
    env.DB.prepare('DELETE FROM group_kinds'),
    env.DB.prepare(`INSERT INTO broker_state VALUES ('compaction', '{"connectionId":0,"groupId":0}', 0)`),
  ]);
};

const verbose = async (): Promise<number> =>
  (await env.DB.prepare(`SELECT count(*) AS n FROM groups WHERE content <> ''`).first<number>('n')) ?? 0;
const place = () => env.DB.prepare(`SELECT value FROM broker_state WHERE name = 'compaction'`).first<string>('value');

/** Everything that the API gives of a user, as text. */
const served = async (id: string): Promise<string[]> => {
  const paths = [
    `/users/${id}/export`,
    `/metrics/${id}?include=segments,ambiguous&limit=1000`,
    `/metrics/${id}/latest`,
    `/metrics/${id}/weekly?metric=weight,fat_ratio`,
  ];
  const texts: string[] = [];
  for (const path of paths) {
    const answer = await app.call('GET', path);
    expect(answer.status, path).toBe(200);
    texts.push((await answer.text()).replaceAll(/"age_seconds":\d+/g, ''));
  }
  return texts;
};

const compactAll = async (): Promise<number> => {
  for (let ticks = 1; ; ticks += 1) {
    broker.advance(MINUTE_MS);
    await broker.tick();
    if ((await place()) === null) return ticks;
    if (ticks > 100) throw new Error('never through');
  }
};

test('answers are the same byte for byte before, halfway and after', async () => {
  expect(await verbose()).toBeGreaterThan(80);
  const before = [await served('ada'), await served('bea')];
  broker.advance(MINUTE_MS);
  await broker.tick();
  broker.advance(MINUTE_MS);
  await broker.tick();
  const left = await verbose();
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(80);
  expect([await served('ada'), await served('bea')]).toEqual(before);
  await compactAll();
  expect(await verbose()).toBe(0);
  expect([await served('ada'), await served('bea')]).toEqual(before);
});

test('a tick writes a bounded number of rows, and none once it is through', async () => {
  for (let ticks = 0; ticks < 3; ticks += 1) {
    broker.advance(MINUTE_MS);
    d1.reset();
    await broker.tick();
    const written = d1.statements.filter(({ sql }) => /INTO (groups|group_kinds)|broker_state/.test(sql));
    expect(written.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0)).toBeLessThanOrEqual(20 + 8 + 2);
  }
  await compactAll();
  broker.advance(MINUTE_MS);
  d1.reset();
  await broker.tick();
  expect(d1.rowsWritten()).toBe(0);
});

test('a group whose measurements say something else stays as it is', async () => {
  const one = await env.DB.prepare('SELECT connection_id AS c, group_id AS g, content FROM groups LIMIT 1').first<{
    c: number;
    g: number;
    content: string;
  }>();
  await env.DB.prepare('DELETE FROM measurements WHERE connection_id = ?1 AND group_id = ?2')
    .bind(one?.c, one?.g)
    .run();
  await compactAll();
  expect(await verbose()).toBe(1);
  const { results } = await env.DB.prepare(`SELECT content FROM groups WHERE content <> ''`).all();
  expect(results).toEqual([{ content: one?.content }]);
});

test.each(['no JSON', '{}', '[[1,-1]]', '[[1,-1,"70"]]'])(
  'a group whose values are %s is exported without them, until a sync stores it again',
  async (content) => {
    const [newest] = ada.groups.all();
    const exported = async () => {
      type Page = { groups: { group_id: number; measurements: unknown[] }[] };
      const { groups } = await (await app.call('GET', '/users/ada/export')).json<Page>();
      return groups.find(({ group_id: id }) => id === newest?.grpid)?.measurements.length;
    };
    const whole = await exported();
    expect(whole).toBeGreaterThan(1);
    await env.DB.prepare('UPDATE groups SET content = ?1 WHERE group_id = ?2').bind(content, newest?.grpid).run();
    expect(await exported()).toBe(0);
    await sync('ada');
    expect(await exported()).toBe(whole);
  },
);

test('a group whose values are of another form stays as it is, and the cron gets past it', async () => {
  await env.DB.prepare(`UPDATE groups SET content = '{}' WHERE group_id = (SELECT min(group_id) FROM groups)`).run();
  await compactAll();
  const { results } = await env.DB.prepare(`SELECT content FROM groups WHERE content <> ''`).all();
  expect(results).toEqual([{ content: '{}' }]);
});

describe.each([
  ['before', 0],
  ['halfway', 2],
  ['after', 20],
])('%s', (_, ticks) => {
  test('a sync finds nothing new, an edit is an edit, and a deletion is found', async () => {
    for (let done = 0; done < ticks; done += 1) {
      broker.advance(MINUTE_MS);
      await broker.tick();
    }
    expect(await sync('ada')).toMatchObject({ added: 0, changed: 0, removed: 0 });
    const groups = ada.groups.all().filter(({ measures }) => measures.some(({ type }) => type === 1));
    const [edited, gone] = groups;
    broker.simulator.state.weighIns.edit(ada, edited?.grpid ?? 0, { weightKg: 99 });
    expect(await sync('ada')).toMatchObject({ added: 0, changed: 2, removed: 0 });
    ada.groups.remove(gone?.grpid ?? 0);
    expect(await sync('ada')).toMatchObject({ removed: 0 });
    expect(await sync('ada')).toMatchObject({ removed: 26 });
    const left = await env.DB.prepare('SELECT count(*) AS n FROM measurements WHERE group_id = ?1')
      .bind(gone?.grpid)
      .first('n');
    expect(left).toBe(0);
    await compactAll();
    expect(await sync('ada')).toMatchObject({ added: 0, changed: 0, removed: 0 });
  });
});
