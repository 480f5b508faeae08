import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { seedHistory } from '../support/seed.ts';

/**
 * What a summary of more values than one answer holds costs, which is refused: next to nothing, or anybody's token ends
 * the day for all.
 */

const DAY = 86_400;
const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;
let connectionId: number;
/** So many were counted in the rate limit of the app. */
let requests: number;

beforeEach(async () => {
  await emptyTables();
  const limit = async () => {
    requests += 1;
    return { success: true };
  };
  broker = await startBroker({ bindings: { DB: d1.d1, APP_RATE: { limit } } });
  app = await makeApp(broker);
  await connect(broker, app, 'ada', 'nora');
  connectionId = (await env.DB.prepare('SELECT id FROM connections').first<number>('id')) ?? 0;
  await app.call('GET', '/withings/status/ada');
  await broker.settle();
});

const isoAgo = (days: number) => new Date(broker.now() - days * DAY * 1_000).toISOString();
const newest = () => Math.floor(broker.now() / 1000);
const ask = async (query: string) => {
  d1.reset();
  const answer = await broker.request(`/apps/${app.id}/metrics/ada/daily?${query}`, {
    headers: { 'X-API-Key': app.key, 'CF-Connecting-IP': '198.51.100.7' },
  });
  return {
    status: answer.status,
    body: await answer.json<{ code?: string; detail?: string; data?: { count: number }[] }>(),
  };
};

const ALL_TYPES = [1, 5, 6, 8, 76, 77, 88, 11];
let seeded = 0;
/** One weigh-in of 8 metrics every so many days. */
const seedEvery = async (days: number, count: number, types = ALL_TYPES, source = 1) => {
  seeded += 10_000;
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
     INSERT INTO measurements (connection_id, type, position, ambiguous, measured_seconds, group_id, value, source_id)
     SELECT ?2, t.value, -1, 0, ?3 - i * ?4, 8000000000 + ?5 + i, 50 + t.value / 100.0, ?7 FROM n CROSS JOIN json_each(?6) AS t`,
  )
    .bind(count, connectionId, newest(), days * DAY, seeded, JSON.stringify(types), source)
    .run();
};

describe('a summary', () => {
  test.each([
    'metric=all',
    'metric=all&from=2019-01-01',
    'metric=weight,bmi,fat_ratio,muscle_mass,bone_mass,hydration',
  ])('of more than 20,000 values is refused before they are read: %s', async (query) => {
    await seedHistory(connectionId, query.includes('weight') ? 3_500 : 2_600, newest());
    const { status, body } = await ask(query);
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'invalid_parameter' });
    expect(body.detail).toContain('more than 20000 values');
    expect(d1.rowsRead()).toBeLessThanOrEqual(100);
    expect(d1.rowsWritten()).toBe(0);
  });

  test('of fewer is answered, close to the limit too', async () => {
    await seedHistory(connectionId, 2_200, newest());
    const { status, body } = await ask('metric=all');
    expect(status).toBe(200);
    expect(body.data?.length).toBeGreaterThan(19_000);
  });

  test('of many years with a weigh-in a week is answered', async () => {
    await seedEvery(7, 800);
    expect(await ask('metric=all')).toMatchObject({ status: 200 });
  });

  test('of a history with a long gap is answered', async () => {
    await seedEvery(1, 500);
    await env.DB.prepare(
      `INSERT INTO measurements (connection_id, type, position, ambiguous, measured_seconds, group_id, value, source_id)
       SELECT ?1, value, -1, 0, ?2, 7999999998, 50, 1 FROM json_each('[1,5,6,8,76,77,88,11]')`,
    )
      .bind(connectionId, newest() - 5_000 * DAY)
      .run();
    expect(await ask('metric=all')).toMatchObject({ status: 200 });
  });

  test('of many values a day is refused before they are read', async () => {
    await seedEvery(1 / 12, 3_500);
    expect(await ask('metric=all')).toMatchObject({ status: 400 });
    expect(d1.rowsRead()).toBeLessThanOrEqual(300);
  });

  test.each([
    ['of which one has many values a day', [1], 1 / 8, 7_200],
    ['with a few that were taken within minutes', ALL_TYPES, 1 / 1_440, 30],
  ])('of daily metrics %s is answered', async (_, types, days, count) => {
    await seedEvery(1, 900);
    await seedEvery(days, count, types);
    expect(await ask('metric=all')).toMatchObject({ status: 200 });
  });

  test.each([
    ['since an instant', () => `from=${isoAgo(60)}`, 0],
    // Of those within 16 hours of a day's end it is not known yet whether they count.
    ['until a day', () => `from=${isoAgo(60)}&to=${isoAgo(1).slice(0, 10)}`, 2 * (32 / 24) * 100 * ALL_TYPES.length],
  ])(
    'of too many values in a few days, %s, is refused after a fifth, which counts in the rate limit',
    async (_, range, undecided) => {
      await seedEvery(1 / 100, 3_500);
      requests = 0;
      expect(await ask(`metric=all&${range()}`)).toMatchObject({ status: 400, body: { code: 'invalid_parameter' } });
      // Each fat-free mass is compared with the weight of its group.
      const fatFreeMasses = (4_000 + undecided) / ALL_TYPES.length;
      expect(d1.rowsRead()).toBeLessThanOrEqual(4_000 + fatFreeMasses + 300 + undecided);
      expect(d1.rowsWritten()).toBe(0);
      expect(requests).toBeGreaterThanOrEqual(1 + 4);
    },
  );

  test.each([60, 20])('of no more than that in a few days has each value once, since %i days', async (days) => {
    await seedEvery(1 / 100, 2_450);
    const from = isoAgo(days);
    const { status, body } = await ask(`metric=all&from=${from}&carry_forward=true`);
    expect(status).toBe(200);
    const counted = body.data?.reduce((total, { count }) => total + count, 0);
    const stored = env.DB.prepare('SELECT count(*) AS count FROM measurements WHERE measured_seconds * 1000 >= ?');
    expect(counted).toBe(await stored.bind(Date.parse(from)).first('count'));
    expect(counted).toBeGreaterThan(15_000);
  });

  test('without what was typed in is refused before it is read, and answered if that leaves few enough', async () => {
    await env.DB.prepare(`INSERT INTO sources (connection_id, id, attrib, time_zone) VALUES (?1, 77, 2, 'UTC')`)
      .bind(connectionId)
      .run();
    await seedEvery(1, 2_600, [1, 5, 6, 8, 76]);
    await seedEvery(1, 2_600, [9, 10, 11], 77);
    expect(await ask('metric=all')).toMatchObject({ status: 400 });
    expect(await ask('metric=all&exclude=manual')).toMatchObject({ status: 200 });
    await seedEvery(1, 2_600, [77, 88, 91, 130, 71]);
    expect(await ask('metric=all&exclude=manual')).toMatchObject({ status: 400 });
    expect(d1.rowsRead()).toBeLessThanOrEqual(20 + 13 * 40);
  });
});
