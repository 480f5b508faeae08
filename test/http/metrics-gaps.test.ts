import { beforeAll, describe, expect, test } from 'vitest';

import { type BodyData, startBodyData } from '../support/body-data.ts';

/** Days and weeks without a value, filled from the last one before. */

let body: BodyData;
beforeAll(async () => {
  body = await startBodyData();
});

describe('gaps that are filled', () => {
  const day = (ago: number) => new Date(body.broker.now() - ago * 86_400_000).toISOString().slice(0, 10);

  test('take the last value before the range, computed ones too', async () => {
    const user = await body.weighed([
      { at: `${day(20)}T08:00:00Z`, kg: 80 },
      { at: `${day(7)}T08:00:00Z`, kg: 82 },
    ]);
    const lasts = async (path: string) =>
      (await body.periods(`${user}/${path}&carry_forward=true`)).map(({ last }) => last);
    expect(await lasts(`daily?metric=weight&from=${day(5)}&to=${day(3)}`)).toEqual([82, 82, 82]);
    expect(await lasts(`daily?metric=weight&from=${day(9)}&to=${day(6)}`)).toEqual([80, 80, 82, 82]);
    expect(await lasts(`daily?metric=weight&from=${day(30)}&to=${day(19)}`)).toEqual([80, 80]);
    expect(await lasts(`daily?metric=weight&from=${day(4)}T00:00:00Z&to=${day(3)}T12:00:00Z`)).toEqual([82, 82]);
    expect(await lasts(`daily?metric=bmi&from=${day(5)}&to=${day(3)}`)).toEqual([]);
    expect(await lasts(`weekly?metric=weight&from=${day(1)}`)).toContain(82);
    body.d1.reset();
    await lasts(`daily?metric=weight&from=${day(5)}&to=${day(4)}`);
    expect(body.d1.calls()).toBe(2);
    expect(body.d1.rowsRead()).toBeLessThanOrEqual(20);
  });

  test('stay gaps if they are longer than ten years, and the rest is filled', async () => {
    const user = await body.weighed([
      { at: '1970-01-01T00:00:01Z', kg: 60 },
      { at: `${day(3)}T08:00:00Z`, kg: 80 },
    ]);
    const filled = await body.periods(`${user}/daily?metric=weight&carry_forward=true`);
    expect(filled.map(({ period, last }) => [period, last])).toEqual([
      ['1970-01-01', 60],
      ...[3, 2, 1, 0].map((ago) => [day(ago), 80]),
    ]);
  });

  test('are refused by the parameter that makes them too many', async () => {
    const user = await body.weighed([
      { at: '1960-01-01T00:00:01Z', kg: 60 },
      ...Array.from({ length: 8 }, (_, place) => ({ at: `${1971 + 8 * place}-01-01T00:00:00Z`, kg: 60 })).filter(
        ({ at }) => Date.parse(at) < body.broker.now(),
      ),
    ]);
    const refused = await body.app.call('GET', `/metrics/${user}/daily?metric=weight&carry_forward=true`);
    expect(refused.status).toBe(400);
    expect((await refused.json<{ detail: string }>()).detail).toMatch(/^carry_forward: .*more than 20000 periods/);
    expect((await body.app.call('GET', `/metrics/${user}/monthly?metric=weight&carry_forward=true`)).status).toBe(200);
  });
});
