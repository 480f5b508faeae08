import { expect, test } from 'vitest';

import type { StoredGroup } from '../../src/simulator/measures/groups.ts';
import type { Measure } from '../../src/withings/wire.ts';
import { connect, getmeas, standingSimulator, START_SECONDS } from './driver.ts';

const DAY = 24 * 60 * 60;

const groupsOf = (id: string, simulator = standingSimulator()): readonly StoredGroup[] => {
  const person = simulator.state.people.find(id);
  if (person === undefined) throw new Error(`no ${id}`);
  return person.groups.all();
};

const typesOf = (group: StoredGroup) => group.measures.map(({ type }) => type);
const grams = ({ value, unit }: Measure) => Math.round(value * 10 ** (unit + 3));
const one = (group: StoredGroup, type: number): Measure => {
  const found = group.measures.find((measure) => measure.type === type);
  if (found === undefined) throw new Error(`no type ${type} in group ${group.grpid}`);
  return found;
};
const ids = ['nora', 'walter', 'ines', 'priya', 'kenji', 'withings-demo'];

test.each(ids)('%s is the same for the same start of the clock', (id) => {
  expect(groupsOf(id)).toEqual(groupsOf(id));
});

test.each(ids)('all that %s measured lies before the clock’s start, under ids of their own', (id) => {
  const groups = groupsOf(id);
  for (const { date, created, modified } of groups) {
    expect(date).toBeLessThan(START_SECONDS);
    expect(created).toBeGreaterThan(date);
    expect(created).toBeLessThanOrEqual(START_SECONDS);
    expect(modified).toBe(created);
  }
  expect(new Set(groups.map(({ grpid }) => grpid)).size).toBe(groups.length);
});

test('no id is shared between people', () => {
  const { people } = standingSimulator().state;
  const all = people.list().flatMap(({ groups }) => groups.all().map(({ grpid }) => grpid));
  expect(new Set(all).size).toBe(all.length);
});

test.each(['nora', 'walter', 'priya'])(
  'for %s fat ratio and fat-free mass follow from weight and fat mass, exactly',
  (id) => {
    const composed = groupsOf(id).filter((group) => typesOf(group).includes(8));
    expect(composed.length).toBeGreaterThan(0);
    for (const group of composed) {
      const [weight, fat] = [grams(one(group, 1)), grams(one(group, 8))];
      expect(one(group, 6)).toEqual({ value: Math.round((fat * 100_000) / weight), type: 6, unit: -3 });
      expect(one(group, 5)).toEqual({ value: weight - fat, type: 5, unit: -3 });
    }
  },
);

test('the new scale owner has seven daily weigh-ins of one group each, and a height', () => {
  const [height, ...weighIns] = groupsOf('nora');
  expect(height).toMatchObject({
    attrib: 2,
    deviceid: null,
    modelid: null,
    measures: [{ type: 4, value: 1680 }],
  });
  expect(weighIns).toHaveLength(7);
  for (const group of weighIns) {
    expect(group).toMatchObject({ attrib: 0, category: 1, modelid: 5, model: 'Body+' });
    expect(typesOf(group)).toEqual([1, 8, 76, 77, 88, 6, 5]);
    expect(group.deviceid).toMatch(/^[0-9a-f]{40}$/);
    expect(group.hash_deviceid).toBe(group.deviceid);
    const kilograms = grams(one(group, 1)) / 1000;
    expect(kilograms).toBeGreaterThan(60);
    expect(kilograms).toBeLessThan(75);
  }
});

test('ten years of daily weigh-ins are 3,650 weights in about 15,000 groups, served in pages', async () => {
  const simulator = standingSimulator();
  const groups = groupsOf('walter', simulator);
  const weights = groups.filter((group) => group.category === 1 && typesOf(group).includes(1));
  expect(weights).toHaveLength(3650);
  expect(groups.length).toBeGreaterThan(14_500);
  expect(groups.length).toBeLessThan(15_500);
  const days = new Set(
    weights.map(({ date }) => new Date(date * 1000).toLocaleDateString('en-CA', { timeZone: 'America/New_York' })),
  );
  expect(days.size).toBe(3650);
  expect(new Set(groups.flatMap(typesOf))).toEqual(
    new Set([1, 4, 5, 6, 8, 9, 10, 11, 76, 77, 88, 91, 155, 168, 169, 170, 196, 197, 198, 226, 227]),
  );
  const { access_token: token } = await connect(simulator, 'walter');
  const { body } = await getmeas(simulator, token);
  expect(body.measuregrps).toHaveLength(300);
  expect(body).toMatchObject({ more: 1, offset: 300, timezone: 'America/New_York' });
});

test('some of the ten years’ weigh-ins were stored days after they were measured', () => {
  const late = groupsOf('walter').filter(({ date, created }) => created - date > DAY);
  expect(late.length).toBeGreaterThan(30);
});

test('one person has no height', () => {
  expect(groupsOf('ines').flatMap(typesOf)).not.toContain(4);
  expect(groupsOf('ines').length).toBe(30);
});

test('who shares a scale has ambiguous groups of another weight among their own', () => {
  const weights = groupsOf('priya').filter((group) => group.category === 1 && typesOf(group).includes(1));
  const kilograms = (attrib: number) =>
    weights.filter((group) => group.attrib === attrib).map((group) => grams(one(group, 1)) / 1000);
  expect(kilograms(1).length).toBe(15);
  expect(kilograms(0).length).toBe(60);
  expect(Math.min(...kilograms(1))).toBeGreaterThan(Math.max(...kilograms(0)));
});

test('a Body Scan weigh-in is four groups, with doubled types and five segments', () => {
  const groups = groupsOf('kenji');
  const last = groups.filter(({ date }) => date === groups.at(-1)?.date);
  const [whole, ecg, nerves, arteries] = last;
  if (whole === undefined || ecg === undefined) throw new Error('no weigh-in');
  expect(last).toHaveLength(4);
  expect(whole).toMatchObject({ modelid: 10, model: 'Body Scan' });
  expect(typesOf(whole)).toEqual([
    1, 5, 5, 8, 8, 76, 77, 88, 168, 169, 170, 173, 173, 173, 173, 173, 174, 174, 174, 174, 174, 175, 175, 175, 175, 175,
    226, 6,
  ]);
  for (const type of [5, 8]) {
    const [a, b] = whole.measures.filter((measure) => measure.type === type);
    expect(a).toEqual(b);
    expect(a?.position).toBe(7);
  }
  for (const type of [173, 174, 175]) {
    const segments = whole.measures.filter((measure) => measure.type === type);
    expect(segments.map(({ position }) => position)).toEqual([12, 10, 3, 11, 2]);
  }
  for (const type of [1, 6]) expect(one(whole, type)).not.toHaveProperty('position');
  const missing = grams(one(whole, 1)) - grams(one(whole, 8)) - grams(one(whole, 5));
  expect(missing).toBeGreaterThanOrEqual(4);
  expect(missing).toBeLessThanOrEqual(18);
  expect(typesOf(ecg)).toEqual([11, 130]);
  expect(one(ecg, 130)).toMatchObject({ unit: 0, algo_params: { '1': 1 } });
  expect(nerves === undefined ? [] : typesOf(nerves)).toEqual([196, 197, 198]);
  expect(arteries).toMatchObject({ attrib: 8, measures: [{ type: 91 }, { type: 155, unit: -1 }] });
  expect(new Set(last.map(({ grpid }) => grpid)).size).toBe(4);
});

test('the groups of one weigh-in are stored two seconds apart', () => {
  const groups = groupsOf('kenji');
  const last = groups.filter(({ date }) => date === groups.at(-1)?.date).map(({ created }) => created);
  expect(last.map((created) => created - (last[0] ?? 0))).toEqual([0, 2, 4, 6]);
});

test('people live in different time zones and weigh themselves at sensible hours there', () => {
  const simulator = standingSimulator();
  const zones = simulator.state.people.list().map(({ timezone }) => timezone);
  expect(new Set(zones).size).toBe(zones.length);
  for (const id of ['nora', 'walter', 'ines', 'priya']) {
    const { timezone = 'UTC' } = simulator.state.people.find(id) ?? {};
    const format = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, hour: 'numeric' });
    const hours = groupsOf(id, simulator).map(({ date }) => Number(format.format(date * 1000)));
    expect(Math.min(...hours)).toBeGreaterThanOrEqual(6);
    expect(Math.max(...hours)).toBeLessThanOrEqual(8);
  }
});
