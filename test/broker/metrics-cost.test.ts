import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';

import { type Broker, connect, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { type D1Meter, meterD1 } from '../support/d1-meter.ts';

/** What ten years of a Body Scan every day cost: 3,650 weigh-ins of 4 groups and 33 values. */

const DAY = 86_400;
const WEIGH_INS = 3_650;
/** Type and position of each value of a weigh-in, and the group of the four that it comes with. */
const VALUES = [
  ...[1, 5, 6, 8, 76, 77, 88, 168, 169, 170, 226].map((type) => [type, -1, 0]),
  ...[173, 174, 175].flatMap((type) => [2, 3, 10, 11, 12].map((position) => [type, position, 0])),
  ...[11, 130].map((type) => [type, -1, 1]),
  ...[196, 197, 198].map((type) => [type, -1, 2]),
  ...[91, 155].map((type) => [type, -1, 3]),
];
/** Authenticating, the few sources and heights, and the look from series to series. */
const CONSTANT = 20;
/**
 * What could be more than a summary holds is looked at first: the ends of five series, and the longest at four moments.
 */
const LOOKS = 2 * 5 + 4 * 4 + 10;
/** A page is read with the admission: each of its three statements finds whose data it is. */
const OWNER = 3 * 4;

let broker: Broker;
let app: TestApp;
let d1: D1Meter;

const kindsOf = (group: number) =>
  JSON.stringify(VALUES.filter(([, , of]) => of === group).map(([type, position]) => [type, position]));

beforeAll(async () => {
  d1 = meterD1(env.DB);
  broker = await startBroker({ bindings: { DB: d1.d1 } });
  app = await makeApp(broker);
  await connect(broker, app, 'ada', 'ines');
  const { id } = (await env.DB.prepare(`SELECT id FROM connections`).first<{ id: number }>()) ?? { id: 0 };
  const newest = Math.floor(broker.now() / 1000);
  const days = `WITH RECURSIVE n (day) AS (SELECT 0 UNION ALL SELECT day + 1 FROM n WHERE day + 1 < ${WEIGH_INS})`;
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO sources (connection_id, id, attrib, model, time_zone) VALUES (?1, 1, 0, 'Body Scan', 'Europe/Lisbon')`,
    ).bind(id),
    env.DB.prepare(
      `${days} INSERT INTO measurements (connection_id, type, position, ambiguous, measured_seconds, group_id, value, source_id)
       SELECT ?1, v.value ->> 0, v.value ->> 1, 0, ?2 - day * ${DAY}, 6000000000 + 4 * day + (v.value ->> 2), 70.25 + day, 1
       FROM n CROSS JOIN json_each(?3) AS v`,
    ).bind(id, newest, JSON.stringify(VALUES)),
    ...[0, 1, 2, 3].flatMap((group) => [
      env.DB.prepare('INSERT INTO group_kinds (connection_id, id, kinds) VALUES (?1, ?2, ?3)').bind(
        id,
        group,
        kindsOf(group),
      ),
      env.DB.prepare(
        `${days} INSERT INTO groups (connection_id, group_id, measured_seconds, created_seconds, modified_seconds, source_id, ambiguous, content, kinds_id, digest, stored_at)
         SELECT ?1, 6000000000 + 4 * day + ${group}, ?2 - day * ${DAY}, ?2, ?2, 1, 0, '', ${group}, 0, 0 FROM n`,
      ).bind(id, newest),
    ]),
  ]);
});

const read = async (path: string) => {
  d1.reset();
  const answer = await app.call('GET', `/metrics/ada${path}`);
  expect(answer.status).toBe(200);
  return answer.json<{ data: { count?: number }[] }>();
};

describe('reading ten years', () => {
  test('a year of one metric reads its values and no more', async () => {
    const { data } = await read('?metric=weight&from=2025-06-16&limit=1000');
    expect(data).toHaveLength(365);
    expect(d1.rowsRead()).toBeLessThanOrEqual(365 + CONSTANT + OWNER);
  });

  test('monthly means of one metric read each value once', async () => {
    const { data } = await read('/monthly?metric=weight');
    expect(data.length).toBeGreaterThan(119);
    expect(d1.rowsRead()).toBeLessThanOrEqual(WEIGH_INS + CONSTANT);
  });

  test('monthly means of five metrics read each value once', async () => {
    await read('/monthly?metric=weight,fat_ratio,muscle_mass,hydration,bone_mass');
    expect(d1.rowsRead()).toBeLessThanOrEqual(5 * WEIGH_INS + CONSTANT + LOOKS);
  });

  test('a delta reads two values a metric, and a page the same as at a hundred values', async () => {
    await read('/delta?metric=weight,fat_ratio&from=2016-01-01');
    expect(d1.rowsRead()).toBeLessThanOrEqual(2 * 2 + CONSTANT);
    await read('?metric=weight&limit=50&order=asc');
    expect(d1.rowsRead()).toBeLessThanOrEqual(51 + CONSTANT + OWNER);
  });

  test('an unchanged answer reads none of them', async () => {
    const first = await app.call('GET', '/metrics/ada/monthly?metric=weight');
    d1.reset();
    const again = await broker.request(`/apps/${app.id}/metrics/ada/monthly?metric=weight`, {
      headers: { 'X-API-Key': app.key, 'If-None-Match': first.headers.get('ETag') ?? '' },
    });
    expect(again.status).toBe(304);
    expect(d1.calls()).toBe(1);
    expect(d1.rowsRead()).toBeLessThanOrEqual(4);
  });

  test('a sync reads the last thirty days again, and not the ten years', async () => {
    await app.call('POST', '/withings/sync/ada');
    broker.advance(60_000);
    d1.reset();
    await app.call('POST', '/withings/sync/ada');
    // Two rows for each group of the window; as Withings has none of them, their values too, and how they are judged.
    expect(d1.rowsRead()).toBeLessThan(3 * 32 * VALUES.length);
  });
});
