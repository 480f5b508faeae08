import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';

/** D1 failing once while a page is stored: the sync goes on, and nothing is stored, noted or told twice. */

const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;

beforeEach(async () => {
  await emptyTables();
  d1.failWhen(undefined);
  broker = await startBroker({ bindings: { DB: d1.d1 } });
  app = await makeApp(broker);
  await env.DB.prepare('UPDATE apps SET records_events = 1').run();
});

const noted = async () => {
  const row = await env.DB.prepare('SELECT data_version, timeline FROM connections').first<{
    data_version: number;
    timeline: string;
  }>();
  const { results } = await env.DB.prepare(
    `SELECT id, type FROM events WHERE type <> 'connection.created' ORDER BY seq`,
  ).all<{ id: string; type: string }>();
  return {
    version: row?.data_version ?? 0,
    synced: (row?.timeline ?? '').split('"synced"').length - 1,
    events: results.map(({ type }) => type),
    ids: new Set(results.map(({ id }) => id)),
  };
};

describe.each(['refused', 'answer_lost'] as const)('once while a page is stored (%s)', (fault) => {
  const failOnceAt = (isMeant: (statement: string) => boolean) => {
    let isDone = false;
    d1.failWhen(({ statements }) => {
      if (isDone || !statements.some(isMeant)) return undefined;
      isDone = true;
      return fault;
    });
    return () => isDone;
  };
  const ends = (statement: string) => statement.includes('"last_sync_at" = ?');
  const goesOn = (statement: string) => statement.includes('"sync_cursor_seconds" = ?') && !ends(statement);

  test('is got over, and what changed is noted once', async () => {
    await connect(broker, app, 'ada', 'nora');
    const before = await noted();
    const hasFailed = failOnceAt(ends);
    const response = await app.call('POST', '/withings/sync/ada');
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ complete: true, added: 50 });
    expect(hasFailed()).toBe(true);
    const after = await noted();
    expect(after.version - before.version).toBe(1);
    expect(after.synced - before.synced).toBe(1);
    expect(after.events).toEqual(['measurements.changed', 'history.completed']);
  });

  test('of several is got over too, and what changed is noted once a page', async () => {
    await connect(broker, app, 'ada', 'walter');
    const before = await noted();
    const hasFailed = failOnceAt(goesOn);
    expect((await app.call('POST', '/withings/sync/ada')).status).toBe(202);
    expect(hasFailed()).toBe(true);
    const after = await noted();
    expect(after.events).toHaveLength(after.ids.size);
    expect(after.version - before.version).toBe(after.ids.size);
    expect(new Set(after.events)).toEqual(new Set(['measurements.changed']));
    expect(after.synced - before.synced).toBe(1);
  });
});
