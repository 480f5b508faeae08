import { env } from 'cloudflare:workers';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';

import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { addPerson, DAY } from '../support/people.ts';

/** What a weigh-in takes of the database, by the size that D1 reports, after real syncs. The figures are printed. */

let broker: Broker;
let app: TestApp;
const figures: string[] = [];

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker();
  app = await makeApp(broker);
});
afterAll(() => console.log(figures.join('\n')));

/** The pages in use: D1 leaves out those that are free. */
const bytes = async (): Promise<number> => (await env.DB.prepare('SELECT 1').run()).meta.size_after;

const people = async (count: number): Promise<Person[]> => {
  const made: Person[] = [];
  for (let number = 0; number < count; number += 1) {
    const id = `user-${number}`;
    made.push(addPerson(broker, id, 'Europe/Lisbon'));
    await connect(broker, app, id, id);
  }
  return made;
};

const weigh = (person: Person, device: 'body_plus' | 'body_scan', day: number) =>
  broker.simulator.state.weighIns.add(person, {
    weightKg: 70 + ((day * 37) % 100) / 10,
    fatRatio: 20 + ((day * 17) % 50) / 10,
    date: Math.floor(broker.now() / 1000) - day * DAY,
    device,
  });

const syncWhole = async ({ id }: Person): Promise<void> => {
  for (let status = 202; status === 202;) {
    broker.advance(60_000);
    status = (await app.call('POST', `/withings/sync/${id}`)).status;
    expect([200, 202]).toContain(status);
  }
};

const expectBytes = (what: string, taken: number, weighIns: number, most: number): void => {
  const each = Math.round(taken / weighIns);
  figures.push(`${what}: ${each} bytes each, at most ${most}`);
  expect(each).toBeLessThanOrEqual(most);
  expect(each).toBeGreaterThan(most / 2);
};

describe.each([
  { device: 'body_plus' as const, groups: 1, most: 400 },
  { device: 'body_scan' as const, groups: 4, most: 2_000 },
])('a weigh-in of a $device', ({ device, groups, most }) => {
  test(`takes at most ${most} bytes in a history that is read at once`, async () => {
    const persons = await people(4);
    for (const person of persons) for (let day = 0; day < 300; day += 1) weigh(person, device, day);
    const before = await bytes();
    for (const person of persons) await syncWhole(person);
    expect(await env.DB.prepare('SELECT count(*) AS n FROM groups').first('n')).toBe(4 * 300 * groups);
    expectBytes(`${device}, at once`, (await bytes()) - before, 4 * 300, most);
  });

  test(`takes at most ${most} bytes in syncs day by day`, async () => {
    const persons = await people(3);
    for (const person of persons) await syncWhole(person);
    const before = await bytes();
    const days = 240 / groups;
    for (let day = 0; day < days; day += 4) {
      broker.advance(4 * DAY * 1_000);
      for (const person of persons) {
        for (const daysAgo of [3, 2, 1, 0]) weigh(person, device, daysAgo);
        await syncWhole(person);
      }
    }
    expectBytes(`${device}, day by day`, (await bytes()) - before, 3 * days, most);
  });
});

test('a connection that is synced every day takes at most 5,000 bytes', async () => {
  const before = await bytes();
  const persons = await people(10);
  for (let day = 0; day < 31; day += 1) {
    for (const person of persons) await syncWhole(person);
    broker.advance(DAY * 1_000);
  }
  expectBytes('a connection', (await bytes()) - before, persons.length, 5_000);
});
