import { parse } from 'csv-parse/sync';
import { beforeAll, describe, expect, test } from 'vitest';

import { type BodyData, figures, type Period, startBodyData, type Weighed } from '../support/body-data.ts';

/** Days, weeks and months at the edges of ranges, of who travels, and of who shares a scale. */

let body: BodyData;
beforeAll(async () => {
  body = await startBodyData();
});

/** Three statements, each of which finds whose data it is: the key, the app, and the connection by its index. */
const OWNER = 3 * 4;

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
      const user = await body.weighed(TRAVELS, home);
      const days = await body.periods(`${user}/daily?metric=weight`);
      expect(figures(days)).toEqual([
        ['2026-05-02', 3, 81],
        ['2026-05-03', 1, 83],
        ['2026-05-04', 1, 84],
      ]);
      for (const day of days) {
        const range = `from=${day.period}&to=${day.period}`;
        expect(await body.periods(`${user}/daily?metric=weight&${range}`)).toEqual([day]);
        const listed = await body.list<{ value: number; measured_at: string }>(
          `${user}?metric=weight&${range}&order=asc`,
        );
        expect(listed.map(({ measured_at: at }) => at.slice(0, 10))).toEqual(listed.map(() => day.period));
        expect(listed).toHaveLength(day.count);
        const [change] = await body.list<{ first: { value: number }; last: { value: number } }>(
          `${user}/delta?metric=weight&${range}`,
        );
        expect([change?.first.value, change?.last.value]).toEqual([day.first, day.last]);
      }
      expect(await body.periods(`${user}/daily?metric=weight&from=2026-05-01&to=2026-05-01`)).toEqual([]);
    },
  );

  test.each(['asc', 'desc'])('fill pages whose edges hold other days, in %s order', async (order) => {
    const user = await body.weighed(TRAVELS, 'Europe/Oslo');
    const kilograms: number[] = [];
    const sizes: number[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const path = `/metrics/${user}?metric=weight&order=${order}&from=2026-05-02&to=2026-05-03&limit=3`;
      const answer = await body.app.call('GET', `${path}${cursor === '' ? '' : `&cursor=${cursor}`}`);
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
    const user = await body.weighed(daily);
    body.d1.reset();
    expect(await body.periods(`${user}?metric=weight&from=2026-02-01&to=2026-02-10&limit=5`)).toHaveLength(5);
    expect(body.d1.calls()).toBe(1);
    expect(body.d1.rowsRead()).toBeLessThanOrEqual(20 + OWNER);
  });
});

describe('weeks and months that the range cuts', () => {
  const daily = Array.from({ length: 14 }, (_, day) => ({
    at: `2026-05-${String(day + 4).padStart(2, '0')}T08:00:00Z`,
    kg: 70 + day,
  }));

  test('say that they are partial, and whole ones that they are not', async () => {
    const user = await body.weighed(daily);
    const weeks = async (query: string) =>
      (await body.periods(`${user}/weekly?metric=weight&${query}`)).map(({ period, count, partial }) => [
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
    const [month] = await body.periods(`${user}/monthly?metric=weight&to=2026-05-30`);
    expect(month).toMatchObject({ period: '2026-05', count: 14, partial: true });
  });
});

test('values that may be another person’s stand in rows that say so', async () => {
  const user = await body.weighed([
    { at: '2026-05-04T08:00:00Z', kg: 80 },
    { at: '2026-05-04T08:01:00Z', kg: 60, attrib: 1 },
    { at: '2026-05-05T08:01:00Z', kg: 61, attrib: 1 },
  ]);
  for (const path of ['daily', 'weekly', 'monthly', 'delta']) {
    const rows = await body.list<Period & { change?: number }>(`${user}/${path}?metric=weight&include=ambiguous`);
    expect(new Set(rows.map(({ period, ambiguous }) => `${period} ${ambiguous}`)).size).toBe(rows.length);
    expect(rows.some(({ ambiguous }) => ambiguous)).toBe(true);
    expect(rows.some(({ ambiguous }) => !ambiguous)).toBe(true);
    const certain = await body.periods(`${user}/${path}?metric=weight`);
    expect(certain.map(({ ambiguous }) => ambiguous)).toEqual([false]);
  }
  const csv = await body.broker.request(`/apps/${body.app.id}/metrics/${user}/daily?metric=weight&include=ambiguous`, {
    headers: { 'X-API-Key': body.app.key, Accept: 'text/csv' },
  });
  const rows: Record<string, string>[] = parse(await csv.text(), { columns: true, bom: true });
  expect(rows.map((row) => [row['period'], row['last'], row['ambiguous'], row['partial']])).toEqual([
    ['2026-05-04', '80', 'false', 'false'],
    ['2026-05-04', '60', 'true', 'false'],
    ['2026-05-05', '61', 'true', 'false'],
  ]);
});

test('a mean that ends in an exact half is rounded up', async () => {
  const user = await body.weighed([
    { at: '2026-05-04T08:00:00Z', kg: 1.0001 },
    { at: '2026-05-04T09:00:00Z', kg: 1 },
  ]);
  expect((await body.periods(`${user}/daily?metric=weight`))[0]?.mean).toBe(1.0001);
});
