import { beforeAll, describe, expect, test } from 'vitest';

import { OPERATIONS } from '../../src/http/api/reference/operations.ts';
import { startSynced, type Synced, type SyncedValue } from '../support/synced-people.ts';

let people: Synced;
beforeAll(async () => {
  people = await startSynced(['nora', 'ines', 'priya', 'kenji']);
});

describe('conditional requests', () => {
  test('an unchanged answer is 304, each form has its own validator, and a change ends it', async () => {
    const json = await people.get('nora?metric=weight');
    const etag = json.headers.get('ETag') ?? '';
    expect(json.headers.get('Vary')).toContain('Accept');
    expect((await people.get('nora?metric=weight', { 'If-None-Match': etag })).status).toBe(304);
    expect((await people.get('nora?metric=weight', { 'If-None-Match': `"x", W/${etag}` })).status).toBe(304);
    expect((await people.get('nora?metric=weight', { 'If-None-Match': etag, Accept: 'text/csv' })).status).toBe(200);
    people.broker.simulator.state.weighIns.add(people.personOf('nora'), { weightKg: 68 });
    people.broker.advance(60_000);
    await people.app.call('POST', '/withings/sync/nora');
    expect((await people.get('nora?metric=weight', { 'If-None-Match': etag })).status).toBe(200);
  });

  test.each(OPERATIONS.filter(({ answers }) => answers.some(({ status }) => status === 304)).map(({ path }) => path))(
    'GET %s answers 304 to who has it',
    async (path) => {
      const asked = `${path.replace('/apps/{app_id}/metrics/{user_id}', 'nora')}?metric=weight`;
      const etag = (await people.get(asked)).headers.get('ETag') ?? '';
      const again = await people.get(asked, { 'If-None-Match': etag });
      expect([again.status, await again.text(), again.headers.get('ETag')]).toEqual([304, '', etag]);
    },
  );

  test('another user’s validator is not known here', async () => {
    const etag = (await people.get('nora')).headers.get('ETag') ?? '';
    expect((await people.get('kenji', { 'If-None-Match': etag })).status).toBe(200);
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
    const response = await people.get('kenji?limit=3', accept === undefined ? {} : { Accept: accept });
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toContain(type);
  });

  test.each([
    ['?format=csv', 'text/csv'],
    ['/latest?format=fhir', 'application/fhir+json'],
    ['/daily?format=csv', 'text/csv'],
    ['/delta?format=json', 'application/json'],
  ])('%s is in the form that it names, whatever Accept says', async (path, type) => {
    const response = await people.get(`kenji${path}`, { Accept: 'image/png' });
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
    const response = await people.get(`kenji${path}`, headers);
    expect(response.status).toBe(406);
    expect(response.headers.get('ETag')).toBeNull();
    expect(await response.text()).toContain('application/json');
  });

  test('a table is a file named after the user and its days, and says when it is not whole', async () => {
    const nameOf = async (path: string) =>
      (await people.get(path)).headers.get('Content-Disposition')?.replace(/^attachment; filename="(.*)"$/, '$1');
    const DAYS = /^metrics-kenji-\d{4}-\d\d-\d\d-to-\d{4}-\d\d-\d\d\.csv$/;
    const page = await people.get('kenji?format=csv&limit=3');
    expect(page.headers.get('Link')).toMatch(/format=csv.*cursor=.*rel="next"/);
    expect(page.headers.get('Content-Disposition')).toMatch(/-part\.csv"$/);
    expect(await nameOf('kenji?format=csv&metric=height')).toMatch(DAYS);
    expect((await people.get('kenji?format=csv&metric=height')).headers.get('Link')).toBeNull();
    expect(await nameOf('kenji/daily?format=csv')).toMatch(DAYS);
    expect(await nameOf(`${encodeURIComponent('auth0|"a";b')}?format=csv`)).toBe('metrics-auth0__a__b.csv');
  });

  test('a spreadsheet of another language gets its own separators', async () => {
    const table = await (await people.get('kenji/latest?metric=weight&format=csv&decimal=comma')).text();
    expect(table).toMatch(/^metric;value;unit;[\s\S]*\r\nweight;\d+,\d+;kg;/);
  });

  test('the newest of each metric says how old it is', async () => {
    const { data } = await (
      await people.get('kenji/latest?metric=body_composition')
    ).json<{ data: Record<string, SyncedValue & { age_seconds: number }> }>();
    expect(Object.keys(data)).toEqual(expect.arrayContaining(['weight', 'bmi']));
    expect(Object.keys(data)).not.toContain('heart_pulse');
    const { weight } = data;
    expect(weight?.age_seconds).toBe(
      Math.floor(people.broker.now() / 1000) - Date.parse(weight?.measured_at ?? '') / 1000,
    );
  });

  test('a delta is the last value less the first', async () => {
    const weights = (await people.values('kenji?metric=weight&limit=1000&order=asc')).map(({ value }) => value);
    const [change] = await people.values<{ change: number; first: SyncedValue; last: SyncedValue }>(
      'kenji/delta?metric=weight',
    );
    expect(change?.first.value).toBe(weights[0]);
    expect(change?.last.value).toBe(weights.at(-1));
    expect(change?.change).toBeCloseTo((weights.at(-1) ?? 0) - (weights[0] ?? 0), 4);
    expect(await people.values('kenji/delta?metric=weight&to=1999-01-01')).toEqual([]);
  });

  test('the catalog names every metric with its codes', async () => {
    const { data } = await (await people.get('nobody/catalog')).json<{ data: Record<string, unknown>[] }>();
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
