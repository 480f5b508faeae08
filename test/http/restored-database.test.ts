import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';

import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';

/** The database set back to an earlier time: what was forgotten is back, and tokens that were rotated since are dead. SECURITY.md says what to do. */

let broker: Broker;
let app: TestApp;
beforeEach(async () => {
  await emptyTables();
  broker = await startBroker();
  app = await makeApp(broker);
});

const rows = async () => (await env.DB.prepare('SELECT * FROM connections').all()).results;
const restore = async (earlier: Record<string, unknown>[]): Promise<void> => {
  await env.DB.prepare('DELETE FROM connections').run();
  await env.DB.batch(
    earlier.map((row) =>
      env.DB.prepare(
        `INSERT INTO connections (${Object.keys(row).join(', ')}) VALUES (${Object.keys(row)
          .map(() => '?')
          .join(', ')})`,
      ).bind(...Object.values(row)),
    ),
  );
};
const sync = (userId: string) => {
  broker.advance(61_000);
  return app.call('POST', `/withings/sync/${userId}`);
};

test('a connection whose tokens were rotated since a restore asks for consent, keeps its history, and is mended by linking', async () => {
  const person = [...broker.simulator.state.people.list()][0]?.id ?? '';
  await connect(broker, app, 'ada', person);
  expect((await sync('ada')).status).toBe(200);
  const earlier = await rows();
  for (let rotations = 0; rotations < 2; rotations += 1) {
    broker.advance(3.1 * 3_600_000);
    expect((await sync('ada')).status).toBe(200);
  }
  await restore(earlier);

  const statuses: number[] = [];
  for (let tries = 0; tries < 8 && !statuses.includes(409); tries += 1) {
    broker.advance(3_600_000);
    await broker.tick();
    statuses.push((await sync('ada')).status);
  }
  expect(statuses.filter((status) => status === 500)).toEqual([]);
  expect(statuses.at(-1)).toBe(409);
  const { data } = await (await app.call('GET', '/metrics/ada?metric=weight')).json<{ data: object[] }>();
  expect(data.length).toBeGreaterThan(0);
  await connect(broker, app, 'ada', person);
  expect((await sync('ada')).status).toBe(200);
});

test('a disconnect is undone by a restore, and doing it again forgets the tokens again', async () => {
  await connect(broker, app, 'ada', [...broker.simulator.state.people.list()][0]?.id ?? '');
  const earlier = await rows();
  await app.call('DELETE', '/withings/disconnect/ada');
  await restore(earlier);
  expect(await (await app.call('GET', '/withings/status/ada')).json()).toEqual({ connected: true });
  await app.call('DELETE', '/withings/disconnect/ada');
  expect(await (await app.call('GET', '/withings/status/ada')).json()).toEqual({ connected: false });
  expect(JSON.stringify(await rows())).not.toContain('eyJ');
});
