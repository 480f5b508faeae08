import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';

import { OPERATIONS } from '../../src/http/api/reference/operations.ts';
import { type Broker, connect, makeApp, startBroker, type TestApp } from '../support/broker.ts';

let broker: Broker;
let app: TestApp;

beforeAll(async () => {
  broker = await startBroker();
  app = await makeApp(broker);
  for (const [user, person] of [
    ['nora', 'nora'],
    ['ines', 'ines'],
    ['priya', 'priya'],
    ['kenji', 'kenji'],
  ] as const) {
    await connect(broker, app, user, person);
    await app.call('POST', `/withings/sync/${user}`);
  }
});

type Value = {
  metric: string;
  value: number;
  unit: string;
  measured_at: string;
  group_id: number;
  segment?: string;
  source: { attribution: string };
};

const get = async (path: string, headers: Record<string, string> = {}) =>
  broker.request(`/apps/${app.id}/metrics/${path}`, { headers: { 'X-API-Key': app.key, ...headers } });
const values = async <Row = Value>(path: string) => (await (await get(path)).json<{ data: Row[] }>()).data;

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
    const response = await get(`nora?${query}`);
    expect(response.status).toBe(400);
    const problem = await response.json<{ code: string; detail: string }>();
    expect(problem.code).toBe('invalid_parameter');
    if (query === 'metric=wieght') expect(problem.detail).toContain('Did you mean `weight`?');
    expect(problem.detail).toMatch(new RegExp(`^${parameter}:`));
    expect(response.headers.get('ETag')).toBeNull();
  });

  test('a cursor is refused for another user, metric, range, order or selection', async () => {
    const first = await (await get('nora?metric=weight&limit=2')).json<{ next_cursor: string }>();
    const cursor = encodeURIComponent(first.next_cursor);
    expect((await get(`nora?metric=weight&limit=5&cursor=${cursor}`)).status).toBe(200);
    for (const other of [
      'kenji?metric=weight',
      'nora?metric=bmi',
      'nora?metric=weight&order=asc',
      'nora?metric=weight&from=2020-01-01',
      'nora?metric=weight&include=ambiguous',
      'nora',
    ]) {
      const response = await get(`${other}${other.includes('?') ? '&' : '?'}cursor=${cursor}`);
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
    const refused = await get('ines/monthly?metric=withings_999');
    expect(refused.status).toBe(400);
    expect((await refused.json<{ detail: string }>()).detail).toMatch(/^from: .*more than 20000 values.*fewer metrics/);
    expect((await get('ines/monthly?metric=withings_999&from=1970-01-01T00:00:02Z')).status).toBe(200);
    await env.DB.prepare(`DELETE FROM measurements WHERE connection_id = ?1 AND type = 999`).bind(id).run();
  });
});

describe('which values are given', () => {
  test('groups, names and everything select what they say', async () => {
    const metricsOf = async (query: string) => [
      ...new Set((await values(`kenji?limit=1000&${query}`)).map(({ metric }) => metric)),
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
    expect((await values('kenji?limit=1000')).filter(({ segment }) => segment !== undefined)).toEqual([]);
    const named = await values('kenji?metric=muscle_mass_segment&limit=5');
    expect(named.map(({ segment }) => segment)).toEqual(['right_arm', 'left_arm', 'left_leg', 'right_leg', 'torso']);
    const added = await values('kenji?metric=body_composition&include=segments&limit=1000');
    expect(added.filter(({ segment }) => segment === 'torso').length).toBeGreaterThan(0);
    expect(added.filter(({ metric, segment }) => metric === 'weight' && segment !== undefined)).toEqual([]);
  });

  test('a visitor’s weigh-ins are given only when asked for, and say so', async () => {
    const own = await values('priya?metric=weight,bmi&limit=1000');
    expect(own.filter(({ source }) => source.attribution === 'ambiguous')).toEqual([]);
    const all = await values('priya?metric=weight,bmi&limit=1000&include=ambiguous');
    const doubtful = all.filter(({ source }) => source.attribution === 'ambiguous');
    expect(doubtful.length).toBeGreaterThan(10);
    expect(all.length).toBe(own.length + doubtful.length);
  });

  test('what somebody typed in is given unless it is excluded', async () => {
    broker.simulator.state.weighIns.add(personOf('ines'), { weightKg: 61.3, device: 'manual' });
    broker.advance(60_000);
    await app.call('POST', '/withings/sync/ines');
    const [newest] = await values('ines?metric=weight&limit=1');
    expect(newest).toMatchObject({ value: 61.3, source: { attribution: 'manual', device: null } });
    expect(await values('ines?metric=weight&limit=1&include=manual')).toEqual([newest]);
    const [measured] = await values('ines?metric=weight&limit=1&exclude=manual');
    expect(measured?.source.attribution).toBe('device');
  });

  test('without a height there is no BMI, in no form', async () => {
    expect(await values('ines?metric=bmi')).toEqual([]);
    expect(await values('ines/daily?metric=bmi')).toEqual([]);
    expect((await (await get('ines/latest')).json<{ data: object }>()).data).not.toHaveProperty('bmi');
  });

  test('imperial units are given with their names', async () => {
    const [metric] = await values('nora?metric=weight&limit=1');
    const [imperial] = await values('nora?metric=weight&limit=1&units=imperial');
    expect(imperial).toMatchObject({ unit: 'lb', value: Number(((metric?.value ?? 0) / 0.45359237).toFixed(3)) });
  });
});

const personOf = (id: string) => {
  const person = broker.simulator.state.people.find(id);
  if (person === undefined) throw new Error(`no ${id}`);
  return person;
};

describe('paging', () => {
  test('pages neither skip nor repeat when data arrives in between', async () => {
    for (const order of ['asc', 'desc']) {
      const whole = await values(`priya?metric=all&limit=1000&order=${order}`);
      const seen: Value[] = [];
      let cursor: string | null = null;
      for (let page = 0; page === 0 || cursor !== null; page += 1) {
        const query: string = `priya?metric=all&limit=97&order=${order}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
        const answer = await (await get(query)).json<{ data: Value[]; next_cursor: string | null }>();
        seen.push(...answer.data);
        cursor = answer.next_cursor;
        if (page % 2 === 0) {
          broker.advance(60_000);
          broker.simulator.state.weighIns.add(personOf('priya'), {
            weightKg: 63 + page / 10,
            date: page === 0 ? 1_700_000_000 : undefined,
          });
          await app.call('POST', '/withings/sync/priya');
        }
      }
      const keyOf = ({ metric, group_id: groupId }: Value) => `${metric}/${groupId}`;
      expect(new Set(seen.map(keyOf)).size).toBe(seen.length);
      const keys = new Set(seen.map(keyOf));
      expect(whole.filter((value) => !keys.has(keyOf(value)))).toEqual([]);
    }
  });
});

describe('conditional requests', () => {
  test('an unchanged answer is 304, each form has its own validator, and a change ends it', async () => {
    const json = await get('nora?metric=weight');
    const etag = json.headers.get('ETag') ?? '';
    expect(json.headers.get('Vary')).toContain('Accept');
    expect((await get('nora?metric=weight', { 'If-None-Match': etag })).status).toBe(304);
    expect((await get('nora?metric=weight', { 'If-None-Match': `"x", W/${etag}` })).status).toBe(304);
    expect((await get('nora?metric=weight', { 'If-None-Match': etag, Accept: 'text/csv' })).status).toBe(200);
    broker.simulator.state.weighIns.add(personOf('nora'), { weightKg: 68 });
    broker.advance(60_000);
    await app.call('POST', '/withings/sync/nora');
    expect((await get('nora?metric=weight', { 'If-None-Match': etag })).status).toBe(200);
  });

  test.each(OPERATIONS.filter(({ answers }) => answers.some(({ status }) => status === 304)).map(({ path }) => path))(
    'GET %s answers 304 to who has it',
    async (path) => {
      const asked = `${path.replace('/apps/{app_id}/metrics/{user_id}', 'nora')}?metric=weight`;
      const etag = (await get(asked)).headers.get('ETag') ?? '';
      const again = await get(asked, { 'If-None-Match': etag });
      expect([again.status, await again.text(), again.headers.get('ETag')]).toEqual([304, '', etag]);
    },
  );

  test('another user’s validator is not known here', async () => {
    const etag = (await get('nora')).headers.get('ETag') ?? '';
    expect((await get('kenji', { 'If-None-Match': etag })).status).toBe(200);
  });
});

describe('forms', () => {
  test.each([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['text/html,application/xhtml+xml,*/*;q=0.8', 'application/json'],
    ['text/csv, */*', 'text/csv'],
    ['text/csv', 'text/csv'],
    ['text/*', 'text/csv'],
    ['text/csv;q=0.5, application/json;q=0.9', 'application/json'],
    ['text/csv;q=0.9, */*', 'application/json'],
    ['application/fhir+json', 'application/fhir+json'],
    ['application/fhir+json;q=0, text/csv;q=0.1', 'text/csv'],
    ['application/json;q=0.2, application/fhir+json', 'application/fhir+json'],
  ])('Accept %s gets %s', async (accept, type) => {
    const response = await get('kenji?limit=3', accept === undefined ? {} : { Accept: accept });
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toContain(type);
  });

  test.each([
    ['?format=csv', 'text/csv'],
    ['/latest?format=fhir', 'application/fhir+json'],
    ['/daily?format=csv', 'text/csv'],
    ['/delta?format=json', 'application/json'],
  ])('%s is in the form that it names, whatever Accept says', async (path, type) => {
    const response = await get(`kenji${path}`, { Accept: 'image/png' });
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toContain(type);
  });

  test.each([
    ['', { Accept: 'text/html' }],
    ['', { Accept: 'application/json;q=0' }],
    ['/latest', { Accept: 'application/xml' }],
    ['/daily', { Accept: 'application/fhir+json' }],
    ['/weekly?format=fhir', {}],
    ['/monthly?format=fhir', {}],
    ['/delta', { Accept: 'text/csv' }],
    ['/delta?format=csv', {}],
    ['/catalog', { Accept: 'text/csv' }],
  ])('%s with %j is 406, and says what there is', async (path, headers) => {
    const response = await get(`kenji${path}`, headers);
    expect(response.status).toBe(406);
    expect(response.headers.get('ETag')).toBeNull();
    expect(await response.text()).toContain('application/json');
  });

  test('a table is a file named after the user and its days, and says when it is not whole', async () => {
    const nameOf = async (path: string) =>
      (await get(path)).headers.get('Content-Disposition')?.replace(/^attachment; filename="(.*)"$/, '$1');
    const DAYS = /^metrics-kenji-\d{4}-\d\d-\d\d-to-\d{4}-\d\d-\d\d\.csv$/;
    const page = await get('kenji?format=csv&limit=3');
    expect(page.headers.get('Link')).toMatch(/format=csv.*cursor=.*rel="next"/);
    expect(page.headers.get('Content-Disposition')).toMatch(/-part\.csv"$/);
    expect(await nameOf('kenji?format=csv&metric=height')).toMatch(DAYS);
    expect((await get('kenji?format=csv&metric=height')).headers.get('Link')).toBeNull();
    expect(await nameOf('kenji/daily?format=csv')).toMatch(DAYS);
    expect(await nameOf(`${encodeURIComponent('auth0|"a";b')}?format=csv`)).toBe('metrics-auth0__a__b.csv');
  });

  test('a spreadsheet of another language gets its own separators', async () => {
    const table = await (await get('kenji/latest?metric=weight&format=csv&decimal=comma')).text();
    expect(table).toMatch(/^metric;value;unit;[\s\S]*\r\nweight;\d+,\d+;kg;/);
  });

  test('the newest of each metric says how old it is', async () => {
    const { data } = await (
      await get('kenji/latest?metric=body_composition')
    ).json<{ data: Record<string, Value & { age_seconds: number }> }>();
    expect(Object.keys(data)).toEqual(expect.arrayContaining(['weight', 'bmi']));
    expect(Object.keys(data)).not.toContain('heart_pulse');
    const { weight } = data;
    expect(weight?.age_seconds).toBe(Math.floor(broker.now() / 1000) - Date.parse(weight?.measured_at ?? '') / 1000);
  });

  test('a delta is the last value less the first', async () => {
    const weights = (await values('kenji?metric=weight&limit=1000&order=asc')).map(({ value }) => value);
    const [change] = await values<{ change: number; first: Value; last: Value }>('kenji/delta?metric=weight');
    expect(change?.first.value).toBe(weights[0]);
    expect(change?.last.value).toBe(weights.at(-1));
    expect(change?.change).toBeCloseTo((weights.at(-1) ?? 0) - (weights[0] ?? 0), 4);
    expect(await values('kenji/delta?metric=weight&to=1999-01-01')).toEqual([]);
  });

  test('the catalogue names every metric with its codes', async () => {
    const { data } = await (await get('nobody/catalog')).json<{ data: Record<string, unknown>[] }>();
    expect(data.find(({ metric }) => metric === 'weight')).toMatchObject({
      unit: 'kg',
      ucum: 'kg',
      loinc: { code: '29463-7' },
      healthkit: 'HKQuantityTypeIdentifierBodyMass',
      withings_type: 1,
      derived: false,
    });
    expect(data.find(({ metric }) => metric === 'bmi')).toMatchObject({ derived: true, withings_type: null });
  });
});
