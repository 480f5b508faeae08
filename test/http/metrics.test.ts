import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';

import { startSynced, type Synced, type SyncedValue } from '../support/synced-people.ts';

let people: Synced;
beforeAll(async () => {
  people = await startSynced(['nora', 'ines', 'priya', 'kenji']);
});

describe('what is asked wrongly', () => {
  test.each([
    ['metric', 'metric=wieght'],
    ['metric', 'metric='],
    ['metric', 'metric=weight,,bmi'],
    ['metric', 'metric=withings_1'],
    ['from', 'from=2026-06-10&to=2026-06-01'],
    ['from', 'from=2026-02-29'],
    ['to', 'to=2026-13-01'],
    ['to', 'to=2026-06-01T24:00:00Z'],
    ['from', 'from=yesterday'],
    ['from', 'from=2026-06-01T00:00:00+02:00'],
    ['limit', 'limit=0'],
    ['limit', 'limit=1e9'],
    ['limit', 'limit=ten'],
    ['limit', 'limit=1&limit=2'],
    ['order', 'order=up'],
    ['units', 'units=stone'],
    ['include', 'include=everything'],
    ['exclude', 'include=manual&exclude=manual'],
    ['cursor', 'cursor=bogus'],
    ['limt', 'limt=5'],
  ])('%s is named when %s is refused', async (parameter, query) => {
    const response = await people.get(`nora?${query}`);
    expect(response.status).toBe(400);
    const problem = await response.json<{ code: string; detail: string }>();
    expect(problem.code).toBe('invalid_parameter');
    if (query === 'metric=wieght') expect(problem.detail).toContain('Did you mean `weight`?');
    expect(problem.detail).toMatch(new RegExp(`^${parameter}:`));
    expect(response.headers.get('ETag')).toBeNull();
  });

  test('a cursor is refused for another user, metric, range, order or selection', async () => {
    const first = await (await people.get('nora?metric=weight&limit=2')).json<{ next_cursor: string }>();
    const cursor = encodeURIComponent(first.next_cursor);
    expect((await people.get(`nora?metric=weight&limit=5&cursor=${cursor}`)).status).toBe(200);
    for (const other of [
      'kenji?metric=weight',
      'nora?metric=bmi',
      'nora?metric=weight&order=asc',
      'nora?metric=weight&from=2020-01-01',
      'nora?metric=weight&include=ambiguous',
      'nora',
    ]) {
      const response = await people.get(`${other}${other.includes('?') ? '&' : '?'}cursor=${cursor}`);
      expect([other, response.status]).toEqual([other, 400]);
    }
  });

  test('a summary of too many values is refused with what to do, not cut short', async () => {
    const { id } = (await env.DB.prepare(`SELECT id FROM connections WHERE user_id = 'ines'`).first<{
      id: number;
    }>()) ?? { id: 0 };
    await env.DB.prepare(
      `WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 20001)
       INSERT INTO measurements SELECT ?1, 999, -1, 0, value, value, 1, 0 FROM n`,
    )
      .bind(id)
      .run();
    const refused = await people.get('ines/monthly?metric=withings_999');
    expect(refused.status).toBe(400);
    expect((await refused.json<{ detail: string }>()).detail).toMatch(/^from: .*more than 20000 values.*fewer metrics/);
    expect((await people.get('ines/monthly?metric=withings_999&from=1970-01-01T00:00:02Z')).status).toBe(200);
    await env.DB.prepare(`DELETE FROM measurements WHERE connection_id = ?1 AND type = 999`).bind(id).run();
  });
});

describe('which values are given', () => {
  test('groups, names and everything select what they say', async () => {
    const metricsOf = async (query: string) => [
      ...new Set((await people.values(`kenji?limit=1000&${query}`)).map(({ metric }) => metric)),
    ];
    expect(await metricsOf('metric=body_composition')).toEqual(
      expect.arrayContaining(['weight', 'bmi', 'visceral_fat']),
    );
    expect(await metricsOf('metric=body_composition')).not.toContain('heart_pulse');
    expect(await metricsOf('metric=vitals')).toEqual(['heart_pulse']);
    expect((await metricsOf('metric=vitals,weight')).toSorted()).toEqual(['heart_pulse', 'weight']);
    expect(await metricsOf('metric=all')).toEqual(await metricsOf(''));
    expect(await metricsOf('metric=all')).toEqual(
      expect.arrayContaining(['weight', 'heart_pulse', 'height', 'afib_result_ecg']),
    );
  });

  test('segments stand apart, with their names, and only when asked for', async () => {
    expect((await people.values('kenji?limit=1000')).filter(({ segment }) => segment !== undefined)).toEqual([]);
    const named = await people.values('kenji?metric=muscle_mass_segment&limit=5');
    expect(named.map(({ segment }) => segment)).toEqual(['right_arm', 'left_arm', 'left_leg', 'right_leg', 'torso']);
    const added = await people.values('kenji?metric=body_composition&include=segments&limit=1000');
    expect(added.filter(({ segment }) => segment === 'torso').length).toBeGreaterThan(0);
    expect(added.filter(({ metric, segment }) => metric === 'weight' && segment !== undefined)).toEqual([]);
  });

  test('a visitor’s weigh-ins are given only when asked for, and say so', async () => {
    const own = await people.values('priya?metric=weight,bmi&limit=1000');
    expect(own.filter(({ source }) => source.attribution === 'ambiguous')).toEqual([]);
    const all = await people.values('priya?metric=weight,bmi&limit=1000&include=ambiguous');
    const doubtful = all.filter(({ source }) => source.attribution === 'ambiguous');
    expect(doubtful.length).toBeGreaterThan(10);
    expect(all.length).toBe(own.length + doubtful.length);
  });

  test('what somebody typed in is given unless it is excluded', async () => {
    people.broker.simulator.state.weighIns.add(people.personOf('ines'), { weightKg: 61.3, device: 'manual' });
    people.broker.advance(60_000);
    await people.app.call('POST', '/withings/sync/ines');
    const [newest] = await people.values('ines?metric=weight&limit=1');
    expect(newest).toMatchObject({ value: 61.3, source: { attribution: 'manual', device: null } });
    expect(await people.values('ines?metric=weight&limit=1&include=manual')).toEqual([newest]);
    const [measured] = await people.values('ines?metric=weight&limit=1&exclude=manual');
    expect(measured?.source.attribution).toBe('device');
  });

  test('without a height there is no BMI, in no form', async () => {
    expect(await people.values('ines?metric=bmi')).toEqual([]);
    expect(await people.values('ines/daily?metric=bmi')).toEqual([]);
    expect((await (await people.get('ines/latest')).json<{ data: object }>()).data).not.toHaveProperty('bmi');
  });

  test('imperial units are given with their names', async () => {
    const [metric] = await people.values('nora?metric=weight&limit=1');
    const [imperial] = await people.values('nora?metric=weight&limit=1&units=imperial');
    expect(imperial).toMatchObject({ unit: 'lb', value: Number(((metric?.value ?? 0) / 0.45359237).toFixed(3)) });
  });
});

describe('paging', () => {
  test('pages neither skip nor repeat when data arrives in between', async () => {
    for (const order of ['asc', 'desc']) {
      const whole = await people.values(`priya?metric=all&limit=1000&order=${order}`);
      const seen: SyncedValue[] = [];
      let cursor: string | null = null;
      for (let page = 0; page === 0 || cursor !== null; page += 1) {
        const query: string = `priya?metric=all&limit=97&order=${order}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
        const answer = await (await people.get(query)).json<{ data: SyncedValue[]; next_cursor: string | null }>();
        seen.push(...answer.data);
        cursor = answer.next_cursor;
        if (page % 2 === 0) {
          people.broker.advance(60_000);
          people.broker.simulator.state.weighIns.add(people.personOf('priya'), {
            weightKg: 63 + page / 10,
            date: page === 0 ? 1_700_000_000 : undefined,
          });
          await people.app.call('POST', '/withings/sync/priya');
        }
      }
      const keyOf = ({ metric, group_id: groupId }: SyncedValue) => `${metric}/${groupId}`;
      expect(new Set(seen.map(keyOf)).size).toBe(seen.length);
      const keys = new Set(seen.map(keyOf));
      expect(whole.filter((value) => !keys.has(keyOf(value)))).toEqual([]);
    }
  });
});
