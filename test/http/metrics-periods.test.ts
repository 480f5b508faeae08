import { env } from 'cloudflare:workers';
import { parse } from 'csv-parse/sync';
import { beforeAll, describe, expect, test } from 'vitest';

import { type Broker, connect, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { type D1Meter, meterD1 } from '../support/d1-meter.ts';

/** Days, weeks and months at the edges of ranges, of who travels, with gaps filled, and of who shares a scale. */

let broker: Broker;
let app: TestApp;
let d1: D1Meter;
let people = 0;

beforeAll(async () => {
  d1 = meterD1(env.DB);
  broker = await startBroker({ bindings: { DB: d1.d1 } });
  app = await makeApp(broker);
});

type Weighed = { at: string; kg: number; zone?: string; attrib?: number };

/** Somebody new who weighed so much then and there, connected and synced. Their account is where they are now. */
const somebody = async (weighed: readonly Weighed[], timezone = 'UTC'): Promise<string> => {
  // Ten links a minute may be opened from one address.
  broker.advance(10_000);
  people += 1;
  const id = `person-${people}`;
  const person = broker.simulator.state.people.add({
    id,
    userid: 81_000_000 + people,
    name: id,
    description: '',
    timezone,
  });
  if (person === null) throw new Error('taken');
  const created = Math.floor(broker.now() / 1000);
  for (const { at, kg, zone, attrib = 0 } of weighed) {
    broker.simulator.state.weighIns.addGroup(person, {
      attrib,
      date: Date.parse(at) / 1000,
      created,
      modified: created,
      category: 1,
      deviceid: 'd'.repeat(40),
      hash_deviceid: 'd'.repeat(40),
      measures: [{ value: Math.round(kg * 1e4), type: 1, unit: -4 }],
      modelid: 5,
      model: 'Body+',
      comment: null,
      ...(zone !== undefined && { timezone: zone }),
    });
  }
  await connect(broker, app, id, id);
  expect((await app.call('POST', `/withings/sync/${id}`)).status).toBe(200);
  return id;
};

type Period = {
  period: string;
  first: number;
  last: number;
  mean: number;
  count: number;
  partial: boolean;
  ambiguous: boolean;
  carried_forward: boolean;
};

const get = async <Row = Period>(path: string): Promise<Row[]> => {
  const response = await app.call('GET', `/metrics/${path}`);
  expect(response.status).toBe(200);
  return (await response.json<{ data: Row[] }>()).data;
};
const figures = (periods: readonly Period[]) => periods.map(({ period, count, mean }) => [period, count, mean]);

/** The same hours in four places: a morning in Auckland is the day before in Los Angeles. */
const TRAVELS: Weighed[] = [
  { at: '2026-05-01T19:00:00Z', kg: 80, zone: 'Pacific/Auckland' },
  { at: '2026-05-02T06:00:00Z', kg: 81, zone: 'Europe/Oslo' },
  { at: '2026-05-03T05:00:00Z', kg: 82, zone: 'America/Los_Angeles' },
  { at: '2026-05-03T09:00:00Z', kg: 83, zone: 'Pacific/Kiritimati' },
  { at: '2026-05-03T11:00:00Z', kg: 84, zone: 'Pacific/Kiritimati' },
];

describe('dates of who has travelled', () => {
  test.each(['Europe/Oslo', 'Pacific/Auckland', 'America/Los_Angeles'])(
    'mean the days on which they weighed themselves, while they are in %s',
    async (home) => {
      const user = await somebody(TRAVELS, home);
      const days = await get(`${user}/daily?metric=weight`);
      expect(figures(days)).toEqual([
        ['2026-05-02', 3, 81],
        ['2026-05-03', 1, 83],
        ['2026-05-04', 1, 84],
      ]);
      for (const day of days) {
        const range = `from=${day.period}&to=${day.period}`;
        expect(await get(`${user}/daily?metric=weight&${range}`)).toEqual([day]);
        const listed = await get<{ value: number; measured_at: string }>(`${user}?metric=weight&${range}&order=asc`);
        expect(listed.map(({ measured_at: at }) => at.slice(0, 10))).toEqual(listed.map(() => day.period));
        expect(listed).toHaveLength(day.count);
        const [change] = await get<{ first: { value: number }; last: { value: number } }>(
          `${user}/delta?metric=weight&${range}`,
        );
        expect([change?.first.value, change?.last.value]).toEqual([day.first, day.last]);
      }
      expect(await get(`${user}/daily?metric=weight&from=2026-05-01&to=2026-05-01`)).toEqual([]);
    },
  );

  test.each(['asc', 'desc'])('fill pages whose edges hold other days, in %s order', async (order) => {
    const user = await somebody(TRAVELS, 'Europe/Oslo');
    const kilograms: number[] = [];
    const sizes: number[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const path = `/metrics/${user}?metric=weight&order=${order}&from=2026-05-02&to=2026-05-03&limit=3`;
      const answer = await app.call('GET', `${path}${cursor === '' ? '' : `&cursor=${cursor}`}`);
      const page: { data: { value: number }[]; next_cursor: string | null } = await answer.json();
      sizes.push(page.data.length);
      kilograms.push(...page.data.map(({ value }) => value));
      cursor = page.next_cursor;
    }
    expect(sizes).toEqual([3, 1]);
    expect(kilograms).toEqual(order === 'asc' ? [80, 81, 82, 83] : [83, 82, 81, 80]);
  });

  test('cost one more round trip to nobody, and read no more than the days around', async () => {
    const daily = Array.from({ length: 200 }, (_, day) => ({
      at: new Date(Date.parse('2025-11-01T06:00:00Z') + day * 86_400_000).toISOString(),
      kg: 80,
    }));
    const user = await somebody(daily);
    d1.reset();
    expect(await get(`${user}?metric=weight&from=2026-02-01&to=2026-02-10&limit=5`)).toHaveLength(5);
    expect(d1.calls()).toBe(2);
    expect(d1.rowsRead()).toBeLessThanOrEqual(30);
  });
});

describe('weeks and months that the range cuts', () => {
  const daily = Array.from({ length: 14 }, (_, day) => ({
    at: `2026-05-${String(day + 4).padStart(2, '0')}T08:00:00Z`,
    kg: 70 + day,
  }));

  test('say that they are partial, and whole ones that they are not', async () => {
    const user = await somebody(daily);
    const weeks = async (query: string) =>
      (await get(`${user}/weekly?metric=weight&${query}`)).map(({ period, count, partial }) => [
        period,
        count,
        partial,
      ]);
    expect(await weeks('')).toEqual([
      ['2026-W19', 7, false],
      ['2026-W20', 7, false],
    ]);
    expect(await weeks('from=2026-05-04&to=2026-05-17')).toEqual(await weeks(''));
    expect(await weeks('from=2026-05-06&to=2026-05-16')).toEqual([
      ['2026-W19', 5, true],
      ['2026-W20', 6, true],
    ]);
    expect(await weeks('from=2026-05-04T00:00:00Z&to=2026-05-17T12:00:00Z')).toEqual([
      ['2026-W19', 7, false],
      ['2026-W20', 7, true],
    ]);
    const [month] = await get(`${user}/monthly?metric=weight&to=2026-05-30`);
    expect(month).toMatchObject({ period: '2026-05', count: 14, partial: true });
  });
});

describe('gaps that are filled', () => {
  const day = (ago: number) => new Date(broker.now() - ago * 86_400_000).toISOString().slice(0, 10);

  test('take the last value before the range, computed ones too', async () => {
    const user = await somebody([
      { at: `${day(20)}T08:00:00Z`, kg: 80 },
      { at: `${day(7)}T08:00:00Z`, kg: 82 },
    ]);
    const lasts = async (path: string) => (await get(`${user}/${path}&carry_forward=true`)).map(({ last }) => last);
    expect(await lasts(`daily?metric=weight&from=${day(5)}&to=${day(3)}`)).toEqual([82, 82, 82]);
    expect(await lasts(`daily?metric=weight&from=${day(9)}&to=${day(6)}`)).toEqual([80, 80, 82, 82]);
    expect(await lasts(`daily?metric=weight&from=${day(30)}&to=${day(19)}`)).toEqual([80, 80]);
    expect(await lasts(`daily?metric=weight&from=${day(4)}T00:00:00Z&to=${day(3)}T12:00:00Z`)).toEqual([82, 82]);
    expect(await lasts(`daily?metric=bmi&from=${day(5)}&to=${day(3)}`)).toEqual([]);
    expect(await lasts(`weekly?metric=weight&from=${day(1)}`)).toContain(82);
    d1.reset();
    await lasts(`daily?metric=weight&from=${day(5)}&to=${day(4)}`);
    expect(d1.calls()).toBe(2);
    expect(d1.rowsRead()).toBeLessThanOrEqual(20);
  });

  test('stay gaps if they are longer than ten years, and the rest is filled', async () => {
    const user = await somebody([
      { at: '1970-01-01T00:00:01Z', kg: 60 },
      { at: `${day(3)}T08:00:00Z`, kg: 80 },
    ]);
    const filled = await get(`${user}/daily?metric=weight&carry_forward=true`);
    expect(filled.map(({ period, last }) => [period, last])).toEqual([
      ['1970-01-01', 60],
      ...[3, 2, 1, 0].map((ago) => [day(ago), 80]),
    ]);
  });

  test('are refused by the parameter that makes them too many', async () => {
    const user = await somebody([
      { at: '1960-01-01T00:00:01Z', kg: 60 },
      ...Array.from({ length: 8 }, (_, place) => ({ at: `${1971 + 8 * place}-01-01T00:00:00Z`, kg: 60 })).filter(
        ({ at }) => Date.parse(at) < broker.now(),
      ),
    ]);
    const refused = await app.call('GET', `/metrics/${user}/daily?metric=weight&carry_forward=true`);
    expect(refused.status).toBe(400);
    expect((await refused.json<{ detail: string }>()).detail).toMatch(/^carry_forward: .*more than 20000 periods/);
    expect((await app.call('GET', `/metrics/${user}/monthly?metric=weight&carry_forward=true`)).status).toBe(200);
  });
});

test('values that may be another person’s stand in rows that say so', async () => {
  const user = await somebody([
    { at: '2026-05-04T08:00:00Z', kg: 80 },
    { at: '2026-05-04T08:01:00Z', kg: 60, attrib: 1 },
    { at: '2026-05-05T08:01:00Z', kg: 61, attrib: 1 },
  ]);
  for (const path of ['daily', 'weekly', 'monthly', 'delta']) {
    const rows = await get<Period & { change?: number }>(`${user}/${path}?metric=weight&include=ambiguous`);
    expect(new Set(rows.map(({ period, ambiguous }) => `${period} ${ambiguous}`)).size).toBe(rows.length);
    expect(rows.some(({ ambiguous }) => ambiguous)).toBe(true);
    expect(rows.some(({ ambiguous }) => !ambiguous)).toBe(true);
    const certain = await get(`${user}/${path}?metric=weight`);
    expect(certain.map(({ ambiguous }) => ambiguous)).toEqual([false]);
  }
  const csv = await broker.request(`/apps/${app.id}/metrics/${user}/daily?metric=weight&include=ambiguous`, {
    headers: { 'X-API-Key': app.key, Accept: 'text/csv' },
  });
  const rows: Record<string, string>[] = parse(await csv.text(), { columns: true, bom: true });
  expect(rows.map((row) => [row['period'], row['last'], row['ambiguous'], row['partial']])).toEqual([
    ['2026-05-04', '80', 'false', 'false'],
    ['2026-05-04', '60', 'true', 'false'],
    ['2026-05-05', '61', 'true', 'false'],
  ]);
});

test('a mean that ends in an exact half is rounded up', async () => {
  const user = await somebody([
    { at: '2026-05-04T08:00:00Z', kg: 1.0001 },
    { at: '2026-05-04T09:00:00Z', kg: 1 },
  ]);
  expect((await get(`${user}/daily?metric=weight`))[0]?.mean).toBe(1.0001);
});
