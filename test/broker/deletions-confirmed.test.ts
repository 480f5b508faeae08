import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';

import { sync } from '../../src/broker/sync/sync.ts';
import { asConnectionId } from '../../src/domain/connection-id.ts';
import { MINUTE_MS } from '../../src/domain/time.ts';
import { type Deletions, startDeletions } from '../support/deletions.ts';

/** A deletion is confirmed by the cron, also if the first sync that was to do it did not read the window. */

let deletions: Deletions;

beforeEach(async () => {
  deletions = await startDeletions();
});

const run = async (ms: number) => {
  deletions.broker.advance(ms);
  await deletions.broker.tick();
};
const measures = () =>
  deletions.broker.simulator.state.calls.list().filter(({ action }) => action === 'getmeas').length;

/** Nothing is left to look for. */
const expectRest = async () => {
  const before = measures();
  for (let ticks = 0; ticks < 5; ticks += 1) await run(10 * MINUTE_MS);
  expect(measures()).toBe(before);
};

test.each([2, 29])('one of %s days ago, ten minutes after the window could not be read', async (days) => {
  const { person, ids } = await deletions.startPerson([1, days, 3]);
  const { broker } = deletions;
  person.groups.remove(ids[1] ?? 0);
  await deletions.sync();
  let isArmed = true;
  deletions.beforeAnswers((form) => {
    if (!isArmed || !form.has('enddate')) return;
    isArmed = false;
    broker.simulator.state.faults.add({ kind: 'http_500', action: 'getmeas', times: 1 });
  });
  await run(2 * MINUTE_MS);
  expect(isArmed).toBe(false);
  expect(await deletions.weights()).toHaveLength(3);
  // A window that is read again is half as long at first.
  for (let reads = 0; reads < 2; reads += 1) await run(10 * MINUTE_MS);
  expect(new Set(await deletions.weights())).toEqual(new Set([60, 62]));
  await expectRest();
});

test('one that was missed by a sync with a single request, and by a poll', async () => {
  const { person, ids } = await deletions.startPerson([1, 2, 3]);
  const { broker } = deletions;
  person.groups.remove(ids[1] ?? 0);
  await deletions.sync();
  // One request is left of the share.
  await env.DB.prepare("INSERT OR REPLACE INTO request_budgets VALUES ('resume', ?1)")
    .bind(broker.now() + 2 * MINUTE_MS + 48_000)
    .run();
  const before = measures();
  await run(2 * MINUTE_MS);
  expect(measures()).toBe(before + 1);
  const id = asConnectionId((await env.DB.prepare('SELECT id FROM connections').first<number>('id')) ?? 0);
  await sync(await broker.deps(), { id }, { share: 'sync', isAsked: false, isUse: false, review: undefined });
  expect(await deletions.missingGroups()).toBe(1);
  await run(10 * MINUTE_MS);
  expect(await deletions.weights()).toEqual([60, 62]);
  await expectRest();
});
