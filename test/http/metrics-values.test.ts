import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';

import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, connect, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { type D1Meter, meterD1 } from '../support/d1-meter.ts';

/** Values that are not what they seem: dated ahead, filled in, of a limb, of unknown attribution, from a mistyped height. */

const DAY = 86_400;

type Value = { metric: string; value: number; measured_at: string; group_id: number; segment?: string; source: object };
type Latest = Record<string, Value & { age_seconds: number }>;
type Measures = [type: number, value: number, unit: number, position?: number][];

let broker: Broker;
let app: TestApp;
let d1: D1Meter;
let people = 0;

beforeAll(async () => {
  d1 = meterD1(env.DB);
  broker = await startBroker({ bindings: { DB: d1.d1 } });
  app = await makeApp(broker);
});

const now = () => Math.floor(broker.now() / 1000);

/** Somebody new with these groups, connected and synced under the id that is returned. */
const somebody = async (add: (person: Person) => void): Promise<string> => {
  // Ten links a minute may be opened from one address.
  broker.advance(10_000);
  people += 1;
  const id = `person-${people}`;
  const person = broker.simulator.state.people.add({
    id,
    userid: 80_000_000 + people,
    name: id,
    description: '',
    timezone: 'Europe/Oslo',
  });
  if (person === null) throw new Error('taken');
  add(person);
  await connect(broker, app, id, id);
  expect((await app.call('POST', `/withings/sync/${id}`)).status).toBe(200);
  return id;
};

const group = (person: Person, date: number, measures: Measures, attrib = 0): number =>
  broker.simulator.state.weighIns.addGroup(person, {
    attrib,
    date,
    created: now(),
    modified: now(),
    category: 1,
    deviceid: attrib === 2 ? null : 'd'.repeat(40),
    hash_deviceid: attrib === 2 ? null : 'd'.repeat(40),
    measures: measures.map(([type, value, unit, position]) => ({
      value,
      type,
      unit,
      algo: 0,
      fm: 3,
      ...(position !== undefined && { position }),
    })),
    modelid: attrib === 2 ? null : 6,
    model: attrib === 2 ? null : 'Body Cardio',
    comment: null,
  }).grpid;

const get = async <Body>(path: string): Promise<Body> => {
  const response = await app.call('GET', `/metrics/${path}`);
  expect(response.status).toBe(200);
  return response.json<Body>();
};
const list = async (path: string) => (await get<{ data: Value[] }>(path)).data;
const latest = async (user: string, query = '') => (await get<{ data: Latest }>(`${user}/latest${query}`)).data;

describe('a weigh-in dated ahead of now', () => {
  test('is not the latest before its time, and no age is negative', async () => {
    const user = await somebody((person) => {
      group(person, now() - DAY, [[1, 80_000, -3]]);
      group(person, now() + 3_600, [[1, 81_000, -3]]);
      group(person, now() + 400 * DAY, [
        [1, 180_000, -3],
        [6, 21_000, -3],
      ]);
    });
    const { weight, fat_ratio: fatRatio } = await latest(user);
    expect(weight).toMatchObject({ value: 80, age_seconds: DAY });
    expect(fatRatio).toBeUndefined();
    expect((await list(`${user}?metric=weight`)).map(({ value }) => value)).toEqual([180, 81, 80]);
  });

  test('becomes the latest when its time comes, also for a client that has the answer before', async () => {
    const user = await somebody((person) => {
      group(person, now() - DAY, [[1, 80_000, -3]]);
      group(person, now() + 3_600, [[1, 81_000, -3]]);
    });
    const ask = (etag: string) =>
      broker.request(`/apps/${app.id}/metrics/${user}/latest`, {
        headers: { 'X-API-Key': app.key, 'If-None-Match': etag },
      });
    const first = await ask('"none"');
    const etag = first.headers.get('ETag') ?? '';
    broker.advance(1_800_000);
    d1.reset();
    const unchanged = await ask(etag);
    expect(unchanged.status).toBe(304);
    expect(unchanged.headers.get('ETag')).toBe(etag);
    expect(d1.calls()).toBe(1);
    broker.advance(1_800_000);
    const second = await ask(etag);
    expect(second.status).toBe(200);
    expect((await second.json<{ data: Latest }>()).data['weight']?.value).toBe(81);
    expect((await ask(second.headers.get('ETag') ?? '')).status).toBe(304);
  });

  test('does not count in a change up to now, and counts in one that reaches as far', async () => {
    const ahead = now() + 10 * DAY;
    const user = await somebody((person) => {
      group(person, now() - 9 * DAY, [[1, 82_000, -3]]);
      group(person, now() - DAY, [[1, 80_000, -3]]);
      group(person, ahead, [[1, 180_000, -3]]);
    });
    const change = async (query: string) =>
      (await get<{ data: { change: number }[] }>(`${user}/delta?metric=weight${query}`)).data[0]?.change;
    expect(await change('')).toBe(-2);
    expect(await change(`&to=${new Date((ahead + 1) * 1000).toISOString()}`)).toBe(98);
  });
});

describe('what nobody measured', () => {
  const typedIn: Measures = [
    [1, 79_500, -3],
    [8, 0, -3],
    [6, 0, -3],
    [5, 795, -1],
  ];
  const scale = (kg: number): Measures => [
    [1, kg * 1000, -3],
    [8, kg * 200, -3],
    [6, 20_000, -3],
    [5, kg * 800, -3],
  ];

  test.each([
    ['typed in', typedIn, 2],
    ['of a scale that was stepped off too early', [[6, 0, -3]] as Measures, 0],
    ['of a scale that sent zeros', typedIn, 0],
  ])('(%s) is in the list as recorded, and in no figure', async (_, measures, attrib) => {
    const user = await somebody((person) => {
      group(person, now() - 9 * DAY, scale(82));
      group(person, now() - 8 * DAY, scale(80));
      group(person, now() - DAY, measures, attrib);
    });
    const data = await latest(user);
    expect(data['fat_ratio']?.value).toBe(20);
    expect(data['fat_mass']?.value).toBe(16);
    expect(data['fat_free_mass']?.value).toBe(64);
    expect((await list(`${user}?metric=fat_ratio`)).map(({ value }) => value)).toEqual([0, 20, 20]);
    for (const metric of ['fat_ratio', 'fat_mass', 'fat_free_mass']) {
      const months = await get<{ data: { min: number; max: number; count: number }[] }>(
        `${user}/monthly?metric=${metric}`,
      );
      expect(months.data.reduce((sum, { count }) => sum + count, 0)).toBe(2);
      expect(Math.min(...months.data.map(({ min }) => min))).toBeGreaterThan(15);
      const [delta] = (await get<{ data: { last: { value: number } }[] }>(`${user}/delta?metric=${metric}`)).data;
      expect(delta?.last.value).toBe(data[metric]?.value);
    }
  });

  test('leaves the weight that was typed in', async () => {
    const user = await somebody((person) => {
      group(person, now() - 9 * DAY, scale(82));
      group(person, now() - DAY, typedIn, 2);
    });
    expect((await latest(user))['weight']?.value).toBe(79.5);
  });

  test('is a weight of 0 too, and has no BMI', async () => {
    const user = await somebody((person) => {
      group(person, now() - 100 * DAY, [[4, 1_800, -3]], 2);
      group(person, now() - 9 * DAY, [[1, 81_000, -3]]);
      group(person, now() - DAY, [[1, 0, -3]], 2);
    });
    const data = await latest(user);
    expect([data['weight']?.value, data['bmi']?.value]).toEqual([81, 25]);
    expect((await list(`${user}?metric=weight`)).map(({ value }) => value)).toEqual([0, 81]);
    expect((await list(`${user}?metric=bmi`)).map(({ value }) => value)).toEqual([25]);
  });

  test('is not a zero that means something', async () => {
    const user = await somebody((person) => {
      group(person, now() - DAY, [
        [130, 0, 0],
        [170, 0, -1],
        [73, 0, -3],
      ]);
    });
    const data = await latest(user);
    expect(Object.keys(data).toSorted()).toEqual(['afib_result_ecg', 'skin_temperature', 'visceral_fat']);
  });

  test('is stepped over for a year of daily weights and no further, a row or two each', async () => {
    const user = await somebody((person) => {
      group(person, now() - 500 * DAY, scale(82));
      for (let day = 1; day <= 365; day += 1) group(person, now() - day * DAY, typedIn, 2);
    });
    for (let more = 0; more < 9; more += 1) await app.call('POST', `/withings/sync/${user}`);
    d1.reset();
    expect((await latest(user))['fat_ratio']?.value).toBe(20);
    // Three of the four metrics step over 365 values, one of them with the weight beside each.
    expect(d1.rowsRead()).toBeLessThan(4 * 366 + 60);
    const person = broker.simulator.state.people.find(user);
    if (person === undefined) throw new Error('gone');
    group(person, now() - 600, typedIn, 2);
    broker.advance(60_000);
    await app.call('POST', `/withings/sync/${user}`);
    const data = await latest(user);
    expect(data['fat_ratio']).toBeUndefined();
    expect(data['weight']?.value).toBe(79.5);
  });
});

test('a pulse wave velocity or vascular age of a foot is a segment’s, in whichever group it comes', async () => {
  const user = await somebody((person) => {
    group(
      person,
      now() - DAY,
      [
        [91, 7_705, -3],
        [155, 410, -1],
      ],
      8,
    );
    group(
      person,
      now() - DAY,
      [
        [91, 7_721, -3, 4],
        [155, 420, -1, 4],
      ],
      10,
    );
  });
  const data = await latest(user);
  expect([data['pulse_wave_velocity']?.value, data['vascular_age']?.value]).toEqual([7.705, 41]);
  const segments = await list(`${user}?metric=pulse_wave_velocity&include=segments`);
  expect(segments.map(({ value, segment }) => `${value} ${segment}`).toSorted()).toEqual([
    '7.705 undefined',
    '7.721 right_foot',
  ]);
  const { data: days } = await get<{ data: { count: number; mean: number }[] }>(
    `${user}/daily?metric=pulse_wave_velocity`,
  );
  expect(days.map(({ count, mean }) => [count, mean])).toEqual([[1, 7.705]]);
});

test.each([10, 17, 10_009, 10_010, -1])(
  'attribution %i, which nobody documents, is shown with its number',
  async (attrib) => {
    const user = await somebody((person) => {
      group(person, now() - DAY, [[1, 80_000, -3]], attrib);
      group(person, now() - 2 * DAY, [[1, 81_000, -3]]);
    });
    const [unknown, known] = await list(`${user}?metric=weight`);
    expect(unknown?.source).toEqual({ device: 'Body Cardio', attribution: 'unknown', attribution_code: attrib });
    expect(known?.source).toEqual({ device: 'Body Cardio', attribution: 'device' });
    const exported = await app.call('GET', `/users/${user}/export`);
    expect(await exported.text()).toContain(`"attribution":"unknown","attribution_code":${attrib}`);
  },
);

test('a mistyped height that was corrected soon after gives no weigh-in a BMI', async () => {
  const typed = now() - 50 * DAY;
  const user = await somebody((person) => {
    group(person, typed - 50 * DAY, [[1, 80_000, -3]]);
    group(person, typed, [[4, 1_080, -3]], 2);
    group(person, typed + 30, [[1, 80_000, -3]]);
    group(person, typed + 60, [[4, 1_800, -3]], 2);
    group(person, now() - DAY, [[1, 80_000, -3]]);
  });
  expect((await list(`${user}?metric=bmi`)).map(({ value }) => value)).toEqual([24.69, 24.69, 24.69]);
  expect((await list(`${user}?metric=height`)).map(({ value }) => value)).toEqual([1.8, 1.08]);
});

describe('a page', () => {
  const pagesOf = async (user: string, query: string) => {
    const sizes: number[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: { data: unknown[]; next_cursor: string | null } = await get(
        `${user}?${query}${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      sizes.push(page.data.length);
      cursor = page.next_cursor;
    }
    return sizes;
  };

  test('is full or the last, also of a BMI that has no height', async () => {
    const user = await somebody((person) => {
      for (let day = 1; day <= 17; day += 1) group(person, now() - day * DAY, [[1, 80_000, -3]]);
      group(person, now() - DAY, [[4, 180_000, -3]], 2);
    });
    expect(await pagesOf(user, 'metric=bmi&limit=1')).toEqual([0]);
    expect(await pagesOf(user, 'metric=weight,bmi&limit=4')).toEqual([4, 4, 4, 4, 1]);
    expect(await pagesOf(user, 'limit=5')).toEqual([5, 5, 5, 3]);
  });

  test('is full or the last among weights of 0', async () => {
    const user = await somebody((person) => {
      group(person, now() - 30 * DAY, [[4, 1_800, -3]], 2);
      for (let day = 1; day <= 9; day += 1) group(person, now() - day * DAY, [[1, day % 3 === 0 ? 0 : 80_000, -3]]);
    });
    expect(await pagesOf(user, 'metric=bmi&limit=2')).toEqual([2, 2, 2]);
  });
});
