import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { connect, makeApp, startBroker } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';

const MEASUREMENTS = 1_000_000;
const AT_ONCE = 100_000;

/** Other people's weights, and as many of the reader's own from long ago. */
const SEED = `
  WITH RECURSIVE n (i) AS (SELECT ?2 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2 + ${AT_ONCE})
  INSERT INTO measurements (connection_id, type, position, ambiguous, measured_seconds, group_id, value, source_id)
  SELECT ?1 + (i % 50) * (i % 2), 1, -1, 0, 100000 + i, 7000000000 + i, 70, 1 FROM n`;

test('a page of five metrics reads the same rows at fifty and at a million measurements', async () => {
  const d1 = meterD1(env.DB);
  const broker = await startBroker({ bindings: { DB: d1.d1 } });
  const app = await makeApp(broker);
  await connect(broker, app, 'ada', 'nora');
  await app.call('POST', '/withings/sync/ada');
  const rowsOfAPage = async () => {
    d1.reset();
    const page = await app.call('GET', '/metrics/ada?metric=weight,bmi,fat_ratio,muscle_mass,hydration&limit=20');
    expect((await page.json<{ data: unknown[] }>()).data).toHaveLength(20);
    return d1.rowsRead();
  };
  const before = await rowsOfAPage();

  const { id } = (await env.DB.prepare('SELECT id FROM connections').first<{ id: number }>()) ?? { id: 0 };
  for (let from = 0; from < MEASUREMENTS; from += AT_ONCE) await env.DB.prepare(SEED).bind(id, from).run();

  expect(await rowsOfAPage()).toBe(before);
  // Each of the five statements finds whose data it is.
  expect(before).toBeLessThanOrEqual(20 + 20 + 5 * 2);
});
