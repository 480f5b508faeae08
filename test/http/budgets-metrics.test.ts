import { env } from 'cloudflare:workers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { METRICS } from '../../src/domain/metrics/metric.ts';
import { type Broker, connect, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { removeSeeded, seedConnections, seedHistory } from '../support/seed.ts';

/** What a page of metrics may cost, at a thousand connections and at a hundred thousand. */

const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;

beforeAll(async () => {
  broker = await startBroker({ bindings: { DB: d1.d1 } });
});
afterAll(removeSeeded);

describe.each([
  { connections: 1_000, from: 0 },
  { connections: 100_000, from: 1_000 },
])('at $connections connections', ({ connections, from }) => {
  beforeAll(async () => {
    await seedConnections(from, connections);
    app = await makeApp(broker, `App of ${connections}`);
  });
  beforeEach(() => d1.reset());

  describe('a page of metrics', () => {
    beforeAll(async () => {
      await connect(broker, app, `walter-${connections}`, 'walter');
      const row = await env.DB.prepare('SELECT id FROM connections WHERE app_id = ? AND user_id = ?')
        .bind(app.id, `walter-${connections}`)
        .first<{ id: number }>();
      // Notes when the key was used, which happens once an hour.
      await app.call('GET', `/withings/status/walter-${connections}`);
      await broker.settle();
      await seedHistory(row?.id ?? 0, 1_000, Math.floor(broker.now() / 1000));
    });

    const read = async (query: string): Promise<number> => {
      const response = await app.call('GET', `/metrics/walter-${connections}?${query}`);
      return (await response.json<{ data: unknown[] }>()).data.length;
    };

    test.each([
      'weight',
      'bmi',
      'weight,fat_ratio',
      'weight,bmi,fat_ratio',
      'weight,bmi,fat_ratio,muscle_mass',
      'weight,bmi,fat_ratio,muscle_mass,bone_mass',
    ])('of %s reads a row a value', async (metric) => {
      for (const limit of [20, 100, 500]) {
        for (const order of ['asc', 'desc']) {
          d1.reset();
          expect(await read(`metric=${metric}&limit=${limit}&order=${order}`)).toBe(limit);
          expect(d1.calls()).toBe(1);
          expect(d1.rowsRead(), `${limit} ${order}`).toBeLessThanOrEqual(limit + METRICS_CONSTANT);
        }
      }
    });

    test('of a range of time reads no row before or after it', async () => {
      const from = new Date(broker.now() - 500 * 86_400_000).toISOString();
      const to = new Date(broker.now() - 490 * 86_400_000).toISOString();
      const count = await read(`metric=weight,fat_ratio&from=${from}&to=${to}`);
      expect(count).toBeGreaterThanOrEqual(20);
      expect(d1.rowsRead()).toBeLessThanOrEqual(count + METRICS_CONSTANT);
    });

    test('of every metric reads a row a value too, and two for each metric that the user may have', async () => {
      expect(await read('limit=100')).toBe(100);
      expect(d1.calls()).toBe(1);
      expect(d1.rowsRead()).toBeLessThanOrEqual(100 + METRICS_CONSTANT + SERIES_FOUND + 2 * METRICS.length);
    });

    test('of every metric on days reads a few rows more, for the values that may be of another day', async () => {
      const [from, to] = [20, 10].map((days) => new Date(broker.now() - days * 86_400_000).toISOString().slice(0, 10));
      d1.reset();
      const count = await read(`from=${from}&to=${to}&limit=200`);
      expect(count).toBeGreaterThan(90);
      expect(d1.calls()).toBe(1);
      expect(d1.rowsRead()).toBeLessThanOrEqual(count + METRICS_CONSTANT + 4 * SERIES_FOUND + 2 * METRICS.length);
    });

    test('latest reads a handful of rows a metric', async () => {
      const response = await app.call('GET', `/metrics/walter-${connections}/latest`);
      const { data } = await response.json<{ data: Record<string, unknown> }>();
      expect(Object.keys(data)).toHaveLength(10);
      expect(d1.calls()).toBe(1);
      expect(d1.rowsRead()).toBeLessThanOrEqual(Object.keys(data).length * 6 + METRICS_CONSTANT);
    });
  });
});

/**
 * What explains the values (sources, heights); and whose they are: the key, the app and the connection by its index, in
 * each statement, because they are read in one round trip with the admission.
 */
const METRICS_CONSTANT = 28;
/** Which series a user has is found by a few jumps along the primary key for each. */
const SERIES_FOUND = 10 * 3;
