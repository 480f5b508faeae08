import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { DAY_MS, HOUR_MS } from '../../src/domain/time.ts';
import { push, startWithAda, weighNow, weightsOf } from '../support/pushes.ts';
import { findScans } from '../support/query-plans.ts';

/** What was pushed while an app was disabled is stored once it is enabled. */

const start = async () => {
  const world = await startWithAda();
  const { broker, app } = world;
  return {
    ...world,
    run: async (hours: number) => {
      for (let step = 0; step < hours; step += 1) {
        broker.advance(HOUR_MS);
        await broker.tick();
        await broker.settle();
      }
    },
    set: (disabled: boolean) => broker.manage('PATCH', `/apps/${app.id}`, { disabled }),
    dueAt: () => env.DB.prepare('SELECT next_review_at FROM connections').first<number>('next_review_at'),
  };
};

test('within an hour, without another push', async () => {
  const { broker, app, ada, run, set, dueAt } = await start();
  await set(true);
  await run(5);
  weighNow(broker, ada, 61);
  await push(broker, ada);
  await broker.settle();
  await run(43);
  expect(await dueAt()).toBeNull();
  await set(false);
  expect(await weightsOf(app)).toEqual([60]);
  await run(1);
  expect(await weightsOf(app)).toEqual([61, 60]);
  expect(await findScans()).toEqual([]);
});

test('and nobody is due who waits for a refresh, or has withdrawn, or whose app was enabled already', async () => {
  const { broker, app, run, set, dueAt } = await start();
  await set(true);
  await run(24);
  expect(await dueAt()).toBeNull();
  broker.advance(31 * DAY_MS);
  await set(false);
  expect(await dueAt()).toBeNull();
  await env.DB.prepare('UPDATE connections SET last_used_at = ?1').bind(broker.now()).run();
  await set(false);
  expect(await dueAt()).toBeNull();
  await app.call('DELETE', '/withings/disconnect/ada');
  await set(true);
  await set(false);
  expect(await dueAt()).toBeNull();
});
