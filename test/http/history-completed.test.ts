import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import type { HistoryOnConnect } from '../../src/domain/app.ts';
import { DAY_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { connect, emptyTables, makeApp, startBroker } from '../support/broker.ts';
import { addPerson } from '../support/people.ts';
import { weighNow } from '../support/pushes.ts';

/** `history.completed` is sent once: when the whole history of a user is stored. */

const start = async (history: HistoryOnConnect) => {
  await emptyTables();
  const broker = await startBroker();
  const app = await makeApp(broker, 'Womoji', undefined, history);
  await env.DB.prepare('UPDATE apps SET records_events = 1').run();
  const ada = addPerson(broker, 'ada', 'UTC');
  weighNow(broker, ada, 60);
  await connect(broker, app, 'ada', 'ada');
  await broker.settle();
  const seen = new Map<string, string>();
  return {
    broker,
    app,
    /** Ticks once a day and a minute later, as a cron would, without anybody asking. */
    run: async (days: number) => {
      for (let step = 0; step < 2 * days; step += 1) {
        broker.advance(step % 2 === 0 ? DAY_MS - MINUTE_MS : MINUTE_MS);
        await broker.tick();
        await broker.settle();
      }
    },
    /** How often it was recorded. Events are deleted after a week. */
    completions: async () => {
      const { results } = await env.DB.prepare('SELECT id, type FROM events').all<{ id: string; type: string }>();
      for (const { id, type } of results) seen.set(id, type);
      return [...seen.values()].filter((type) => type === 'history.completed').length;
    },
  };
};

test('a user without data for months gets no second one with each refresh', async () => {
  const { run, completions } = await start('all');
  expect(await completions()).toBe(1);
  for (let weeks = 0; weeks < 16; weeks += 1) {
    await run(6);
    expect(await completions()).toBe(1);
  }
});

test('a user who connects again after their app was disabled gets no second one', async () => {
  const { broker, app, run, completions } = await start('all');
  await broker.manage('PATCH', `/apps/${app.id}`, { disabled: true });
  await run(2);
  await broker.manage('PATCH', `/apps/${app.id}`, { disabled: false });
  await connect(broker, app, 'ada', 'ada');
  await run(2);
  expect(await completions()).toBe(1);
});

test.each(['recent', 'none'] as const)(
  'a history of which %s is read has one once the app has synced',
  async (reach) => {
    const { broker, app, run, completions } = await start(reach);
    await run(2);
    expect(await completions()).toBe(0);
    for (let syncs = 0; syncs < 2; syncs += 1) {
      broker.advance(MINUTE_MS);
      await app.call('POST', '/withings/sync/ada');
    }
    expect(await completions()).toBe(1);
  },
);
