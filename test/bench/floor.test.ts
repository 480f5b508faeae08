import { expect, test } from 'vitest';

import { MARK } from './marks.ts';
import { recordScripts } from './record.ts';
import { ALL_ROUTES, type Route } from './routes.ts';
import { importRoutes } from './serve.ts';

test('the floor does what the broker was seen to do: its round trips, KV operations and requests, and no other', async () => {
  const scripts = await recordScripts(await importRoutes(), 'https://withings.invalid');
  const kinds = (route: Route) =>
    [...Map.groupBy(scripts[route].operations, ({ stage, isBehind }) => (isBehind ? 'behind' : stage))].map(
      ([stage, operations]) =>
        [...(stage === 'behind' ? ['behind'] : []), ...operations.map(({ kind }) => kind)].join(' '),
    );
  expect(Object.fromEntries(ALL_ROUTES.map((route) => [route, kinds(route)]))).toEqual({
    auth: ['d1', 'kv_put'],
    callback: ['d1 kv_get', 'd1 fetch', 'd1', 'behind d1'],
    status: ['d1'],
    metrics: ['d1'],
    sync: ['d1', 'd1', 'fetch', 'd1 fetch', 'd1'],
  });
  // What it writes for another request has to be under other ids.
  for (const route of ['auth', 'callback', 'sync'] as const) {
    expect(JSON.stringify(scripts[route].operations)).toContain(String(MARK));
  }
});
