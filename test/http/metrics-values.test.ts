import { beforeAll, describe, expect, test } from 'vitest';

import { type BodyData, type Latest, startBodyData } from '../support/body-data.ts';

/** Values that are not what they seem: dated ahead, of a limb, of unknown attribution, from a mistyped height. */

const DAY = 86_400;
let body: BodyData;
beforeAll(async () => {
  body = await startBodyData();
});

describe('a weigh-in dated ahead of now', () => {
  test('is not the latest before its time, and no age is negative', async () => {
    const user = await body.connected((person) => {
      body.group(person, body.now() - DAY, [[1, 80_000, -3]]);
      body.group(person, body.now() + 3_600, [[1, 81_000, -3]]);
      body.group(person, body.now() + 400 * DAY, [
        [1, 180_000, -3],
        [6, 21_000, -3],
      ]);
    });
    const { weight, fat_ratio: fatRatio } = await body.latest(user);
    expect(weight).toMatchObject({ value: 80, age_seconds: DAY });
    expect(fatRatio).toBeUndefined();
    expect((await body.list(`${user}?metric=weight`)).map(({ value }) => value)).toEqual([180, 81, 80]);
  });

  test('becomes the latest when its time comes, also for a client that has the answer before', async () => {
    const user = await body.connected((person) => {
      body.group(person, body.now() - DAY, [[1, 80_000, -3]]);
      body.group(person, body.now() + 3_600, [[1, 81_000, -3]]);
    });
    const ask = (etag: string) =>
      body.broker.request(`/apps/${body.app.id}/metrics/${user}/latest`, {
        headers: { 'X-API-Key': body.app.key, 'If-None-Match': etag },
      });
    const first = await ask('"none"');
    const etag = first.headers.get('ETag') ?? '';
    body.broker.advance(1_800_000);
    body.d1.reset();
    const unchanged = await ask(etag);
    expect(unchanged.status).toBe(304);
    expect(unchanged.headers.get('ETag')).toBe(etag);
    expect(body.d1.calls()).toBe(1);
    body.broker.advance(1_800_000);
    const second = await ask(etag);
    expect(second.status).toBe(200);
    expect((await second.json<{ data: Latest }>()).data['weight']?.value).toBe(81);
    expect((await ask(second.headers.get('ETag') ?? '')).status).toBe(304);
  });

  test('does not count in a change up to now, and counts in one that reaches as far', async () => {
    const ahead = body.now() + 10 * DAY;
    const user = await body.connected((person) => {
      body.group(person, body.now() - 9 * DAY, [[1, 82_000, -3]]);
      body.group(person, body.now() - DAY, [[1, 80_000, -3]]);
      body.group(person, ahead, [[1, 180_000, -3]]);
    });
    const change = async (query: string) =>
      (await body.get<{ data: { change: number }[] }>(`${user}/delta?metric=weight${query}`)).data[0]?.change;
    expect(await change('')).toBe(-2);
    expect(await change(`&to=${new Date((ahead + 1) * 1000).toISOString()}`)).toBe(98);
  });
});

test('a pulse wave velocity or vascular age of a foot is a segment’s, in whichever group it comes', async () => {
  const user = await body.connected((person) => {
    body.group(
      person,
      body.now() - DAY,
      [
        [91, 7_705, -3],
        [155, 410, -1],
      ],
      8,
    );
    body.group(
      person,
      body.now() - DAY,
      [
        [91, 7_721, -3, 4],
        [155, 420, -1, 4],
      ],
      10,
    );
  });
  const data = await body.latest(user);
  expect([data['pulse_wave_velocity']?.value, data['vascular_age']?.value]).toEqual([7.705, 41]);
  const segments = await body.list(`${user}?metric=pulse_wave_velocity&include=segments`);
  expect(segments.map(({ value, segment }) => `${value} ${segment}`).toSorted()).toEqual([
    '7.705 undefined',
    '7.721 right_foot',
  ]);
  const { data: days } = await body.get<{ data: { count: number; mean: number }[] }>(
    `${user}/daily?metric=pulse_wave_velocity`,
  );
  expect(days.map(({ count, mean }) => [count, mean])).toEqual([[1, 7.705]]);
});

test.each([10, 17, 10_009, 10_010, -1])(
  'attribution %i, which nobody documents, is shown with its number',
  async (attrib) => {
    const user = await body.connected((person) => {
      body.group(person, body.now() - DAY, [[1, 80_000, -3]], attrib);
      body.group(person, body.now() - 2 * DAY, [[1, 81_000, -3]]);
    });
    const [unknown, known] = await body.list(`${user}?metric=weight`);
    expect(unknown?.source).toEqual({ device: 'Body Cardio', attribution: 'unknown', attribution_code: attrib });
    expect(known?.source).toEqual({ device: 'Body Cardio', attribution: 'device' });
    const exported = await body.app.call('GET', `/users/${user}/export`);
    expect(await exported.text()).toContain(`"attribution":"unknown","attribution_code":${attrib}`);
  },
);

test('a mistyped height that was corrected soon after gives no weigh-in a BMI', async () => {
  const typed = body.now() - 50 * DAY;
  const user = await body.connected((person) => {
    body.group(person, typed - 50 * DAY, [[1, 80_000, -3]]);
    body.group(person, typed, [[4, 1_080, -3]], 2);
    body.group(person, typed + 30, [[1, 80_000, -3]]);
    body.group(person, typed + 60, [[4, 1_800, -3]], 2);
    body.group(person, body.now() - DAY, [[1, 80_000, -3]]);
  });
  expect((await body.list(`${user}?metric=bmi`)).map(({ value }) => value)).toEqual([24.69, 24.69, 24.69]);
  expect((await body.list(`${user}?metric=height`)).map(({ value }) => value)).toEqual([1.8, 1.08]);
});

describe('a page', () => {
  const pagesOf = async (user: string, query: string) => {
    const sizes: number[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: { data: unknown[]; next_cursor: string | null } = await body.get(
        `${user}?${query}${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      sizes.push(page.data.length);
      cursor = page.next_cursor;
    }
    return sizes;
  };

  test('is full or the last, also of a BMI that has no height', async () => {
    const user = await body.connected((person) => {
      for (let day = 1; day <= 17; day += 1) body.group(person, body.now() - day * DAY, [[1, 80_000, -3]]);
      body.group(person, body.now() - DAY, [[4, 180_000, -3]], 2);
    });
    expect(await pagesOf(user, 'metric=bmi&limit=1')).toEqual([0]);
    expect(await pagesOf(user, 'metric=weight,bmi&limit=4')).toEqual([4, 4, 4, 4, 1]);
    expect(await pagesOf(user, 'limit=5')).toEqual([5, 5, 5, 3]);
  });

  test('of every metric has what the catalog does not know: a type, and where on the body', async () => {
    const user = await body.connected((person) => {
      body.group(person, body.now() - DAY, [
        [1, 80_000, -3],
        [999, 7, 0],
        [173, 9_000, -3, 2],
        [91, 7_721, -3, 4],
      ]);
    });
    const namesOf = async (query: string) => (await body.list(`${user}${query}`)).map(({ metric }) => metric);
    expect(await namesOf('')).toEqual(['weight', 'withings_999']);
    expect(await namesOf('?metric=all&include=segments')).toEqual([
      'weight',
      'fat_free_mass_segment',
      'pulse_wave_velocity',
      'withings_999',
    ]);
  });

  test('is full or the last among weights of 0', async () => {
    const user = await body.connected((person) => {
      body.group(person, body.now() - 30 * DAY, [[4, 1_800, -3]], 2);
      for (let day = 1; day <= 9; day += 1)
        body.group(person, body.now() - day * DAY, [[1, day % 3 === 0 ? 0 : 80_000, -3]]);
    });
    expect(await pagesOf(user, 'metric=bmi&limit=2')).toEqual([2, 2, 2]);
  });
});
