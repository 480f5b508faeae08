import { beforeAll, describe, expect, test } from 'vitest';

import { type BodyData, type Measures, startBodyData } from '../support/body-data.ts';

/** Values that were not measured: typed in, filled in, or a zero. */

const DAY = 86_400;
let body: BodyData;
beforeAll(async () => {
  body = await startBodyData();
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
    const user = await body.connected((person) => {
      body.group(person, body.now() - 9 * DAY, scale(82));
      body.group(person, body.now() - 8 * DAY, scale(80));
      body.group(person, body.now() - DAY, measures, attrib);
    });
    const data = await body.latest(user);
    expect(data['fat_ratio']?.value).toBe(20);
    expect(data['fat_mass']?.value).toBe(16);
    expect(data['fat_free_mass']?.value).toBe(64);
    expect((await body.list(`${user}?metric=fat_ratio`)).map(({ value }) => value)).toEqual([0, 20, 20]);
    for (const metric of ['fat_ratio', 'fat_mass', 'fat_free_mass']) {
      const months = await body.get<{ data: { min: number; max: number; count: number }[] }>(
        `${user}/monthly?metric=${metric}`,
      );
      expect(months.data.reduce((sum, { count }) => sum + count, 0)).toBe(2);
      expect(Math.min(...months.data.map(({ min }) => min))).toBeGreaterThan(15);
      const [delta] = (await body.get<{ data: { last: { value: number } }[] }>(`${user}/delta?metric=${metric}`)).data;
      expect(delta?.last.value).toBe(data[metric]?.value);
    }
  });

  test('leaves the weight that was typed in', async () => {
    const user = await body.connected((person) => {
      body.group(person, body.now() - 9 * DAY, scale(82));
      body.group(person, body.now() - DAY, typedIn, 2);
    });
    expect((await body.latest(user))['weight']?.value).toBe(79.5);
  });

  test('is a weight of 0 too, and has no BMI', async () => {
    const user = await body.connected((person) => {
      body.group(person, body.now() - 100 * DAY, [[4, 1_800, -3]], 2);
      body.group(person, body.now() - 9 * DAY, [[1, 81_000, -3]]);
      body.group(person, body.now() - DAY, [[1, 0, -3]], 2);
    });
    const data = await body.latest(user);
    expect([data['weight']?.value, data['bmi']?.value]).toEqual([81, 25]);
    expect((await body.list(`${user}?metric=weight`)).map(({ value }) => value)).toEqual([0, 81]);
    expect((await body.list(`${user}?metric=bmi`)).map(({ value }) => value)).toEqual([25]);
  });

  test('is not a zero that means something', async () => {
    const user = await body.connected((person) => {
      body.group(person, body.now() - DAY, [
        [130, 0, 0],
        [170, 0, -1],
        [73, 0, -3],
      ]);
    });
    const data = await body.latest(user);
    expect(Object.keys(data).toSorted()).toEqual(['afib_result_ecg', 'skin_temperature', 'visceral_fat']);
  });

  test('is stepped over for a year of daily weights and no further, a row or two each', async () => {
    const user = await body.connected((person) => {
      body.group(person, body.now() - 500 * DAY, scale(82));
      for (let day = 1; day <= 365; day += 1) body.group(person, body.now() - day * DAY, typedIn, 2);
    });
    for (let more = 0; more < 9; more += 1) {
      body.broker.advance(60_000);
      await body.app.call('POST', `/withings/sync/${user}`);
    }
    body.d1.reset();
    expect((await body.latest(user))['fat_ratio']?.value).toBe(20);
    // Three of the four metrics step over 365 values, one of them with the weight beside each.
    expect(body.d1.rowsRead()).toBeLessThan(4 * 366 + 60);
    const person = body.broker.simulator.state.people.find(user);
    if (person === undefined) throw new Error('gone');
    body.group(person, body.now() - 600, typedIn, 2);
    body.broker.advance(60_000);
    await body.app.call('POST', `/withings/sync/${user}`);
    const data = await body.latest(user);
    expect(data['fat_ratio']).toBeUndefined();
    expect(data['weight']?.value).toBe(79.5);
  });
});
