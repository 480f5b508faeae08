import { expect, test } from 'vitest';

import { connect, makeApp, startBroker, WOMOJI } from '../support/broker.ts';

test('a user connects, syncs, and the metrics API serves weight, BMI, body fat and muscle mass', async () => {
  const broker = await startBroker();
  const app = await makeApp(broker);
  const [person] = [...broker.simulator.state.people.list()];

  const finished = await connect(broker, app, 'ada', person?.id ?? '');
  expect(finished.status).toBe(302);
  expect(finished.headers.get('Location')).toBe(WOMOJI);

  expect(await (await app.call('GET', '/withings/status/ada')).json()).toEqual({ connected: true });
  const synced = await app.call('POST', '/withings/sync/ada');
  expect(await synced.clone().json()).toMatchObject({ complete: true, changed: 0, removed: 0 });
  expect(synced.status).toBe(200);
  const metrics = await app.call('GET', '/metrics/ada?metric=weight,bmi,fat_ratio,muscle_mass&limit=8');
  const { data } = await metrics.json<{ data: { metric: string; value: number; unit: string }[] }>();
  expect(new Set(data.map(({ metric }) => metric))).toEqual(new Set(['weight', 'bmi', 'fat_ratio', 'muscle_mass']));
  const latest = await app.call('GET', '/metrics/ada/latest');
  expect((await latest.json<{ data: unknown }>()).data).toMatchObject({
    weight: { value: 68, unit: 'kg' },
    bmi: { value: 24.09, derived: true },
    height: { value: 1.68 },
  });
});
