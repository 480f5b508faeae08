import { expect, test } from 'vitest';

import { connect, makeApp, startBroker } from '../support/broker.ts';

/** What Analytics Engine gets where it is bound: the columns that `docs/operating.md` queries. */

type Point = { indexes: string[]; blobs: string[]; doubles: number[] };

test('requests, links, syncs and refreshes are data points by outcome, and nobody is in them', async () => {
  const points: Point[] = [];
  const EVENTS = { writeDataPoint: (point?: AnalyticsEngineDataPoint) => void points.push(point as Point) };
  const broker = await startBroker({ bindings: { EVENTS } });
  const app = await makeApp(broker);
  await connect(broker, app, 'ada-lovelace', 'nora');
  await app.call('POST', '/withings/sync/ada-lovelace');
  await broker.request(`/apps/${app.id}/withings/status/ada-lovelace`);
  broker.advance(4 * 3_600_000);
  await broker.tick();

  expect(points).toHaveLength(broker.logs.length);
  const seen = points.map(({ blobs: [event, outcome] }) => `${event} ${outcome}`);
  for (const wanted of [
    'request ',
    'request api_key_missing',
    'link connected',
    'sync complete',
    'refresh refreshed',
    'tick refreshed',
  ]) {
    expect(seen).toContain(wanted);
  }
  const refused = points.find(({ blobs }) => blobs[1] === 'api_key_missing');
  expect(refused).toEqual({
    indexes: ['request'],
    blobs: ['request', 'api_key_missing', '', 'info', 'GET', '/apps/:app_id/withings/status/:user_id', app.id],
    doubles: [1, 401, 0],
  });
  expect(JSON.stringify(points)).not.toMatch(/lovelace|nora|user_[0-9a-f]/);
  // The platform's bounds: 20 blobs, 20 doubles, one index of at most 96 bytes.
  for (const { indexes, blobs, doubles } of points) {
    expect([indexes.length, blobs.length, doubles.length]).toEqual([1, 7, 3]);
    expect(indexes[0]?.length).toBeLessThanOrEqual(96);
  }
});

test('a broker without it writes its log as ever', async () => {
  const broker = await startBroker();
  await broker.request('/healthz');
  expect(broker.logs).toContainEqual(expect.objectContaining({ event: 'request', route: '/healthz', status: 200 }));
});

test('a dataset that takes nothing takes no request down', async () => {
  const EVENTS = {
    writeDataPoint: (): void => {
      throw new Error('too many data points');
    },
  };
  const broker = await startBroker({ bindings: { EVENTS } });
  const app = await makeApp(broker);
  expect((await connect(broker, app, 'ada', 'nora')).status).toBe(302);
  expect((await broker.request('/healthz')).status).toBe(200);
  expect(broker.logs).toContainEqual(expect.objectContaining({ event: 'link', outcome: 'connected' }));
});
