import { createExecutionContext, createScheduledController, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { noteRowsUsed } from '../../src/broker/operator/note-rows.ts';
import { compose } from '../../src/compose.ts';
import worker from '../../src/worker.ts';
import { type Broker, emptyTables, startBroker } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';

/** The rows that D1 has read and written today, as isolates count and note them. */

const HOUR_MS = 3_600_000;

const d1 = meterD1(env.DB);
/** A broker is an isolate: each counts on its own. */
let isolate: Broker;

beforeEach(async () => {
  await emptyTables();
  d1.failWhen(undefined);
  isolate = await startBroker({ bindings: { DB: d1.d1 } });
  d1.reset();
});

/** Ticks, each of which notes what is worth it, as the Worker does. */
const tick = async (broker: Broker, ticks = 1): Promise<void> => {
  for (; ticks > 0; ticks -= 1) {
    await broker.tick();
    await noteRowsUsed(await broker.deps());
  }
};
const noted = async () => {
  const text = await env.DB.prepare(`SELECT value FROM broker_state WHERE name = 'rows'`).first<string>('value');
  return text === null ? undefined : (JSON.parse(text) as { day: number; read: number; written: number });
};
const notes = () => d1.statements.filter(({ sql }) => sql.includes(`'rows', json_object`));

test('an isolate that uses few notes them once an hour, as D1 reports them', async () => {
  await tick(isolate, 30);
  expect(await noted()).toBeUndefined();
  isolate.advance(HOUR_MS);
  await tick(isolate);
  const [note, ...more] = notes();
  expect(more).toEqual([]);
  const read = d1.rowsRead() - (note?.rowsRead ?? 0);
  const written = d1.rowsWritten() - (note?.rowsWritten ?? 0);
  expect(read).toBeGreaterThan(0);
  expect(await noted()).toEqual({ day: Math.floor(isolate.now() / (24 * HOUR_MS)), read, written });
  expect(note?.rowsWritten).toBe(1);
  await tick(isolate, 30);
  expect(notes()).toHaveLength(1);
});

test('several isolates add up, and yesterday’s rows are not added to today’s', async () => {
  const other = await startBroker({ bindings: { DB: d1.d1 } });
  for (const one of [isolate, other]) {
    await tick(one, 3);
    one.advance(HOUR_MS);
  }
  await tick(isolate);
  const first = await noted();
  await tick(other, 2);
  const both = await noted();
  expect(both?.read).toBeGreaterThan((first?.read ?? 0) * 1.5);
  // At midnight, with rows that are not noted.
  isolate.advance(12 * HOUR_MS);
  await tick(isolate, 2);
  isolate.advance(HOUR_MS);
  await tick(isolate);
  const today = await noted();
  expect(today?.day).toBe((both?.day ?? 0) + 1);
  expect(today?.read).toBeLessThan(first?.read ?? 0);
  // The other's clock is still at yesterday.
  other.advance(2 * HOUR_MS);
  await tick(other);
  expect(await noted()).toEqual(today);
});

test('a note whose answer is lost is not repeated, and the tick goes on', async () => {
  await tick(isolate, 3);
  isolate.advance(HOUR_MS);
  d1.failWhen(({ statements }) => (statements.some((sql) => sql.includes(`'rows', json`)) ? 'answer_lost' : undefined));
  await tick(isolate);
  const once = await noted();
  expect(once).toBeDefined();
  d1.failWhen(undefined);
  await tick(isolate, 3);
  expect(await noted()).toEqual(once);
});

describe('the Worker notes at once what is much', () => {
  const bindings = () => isolate.bindings();
  const useMany = async (): Promise<void> => {
    await env.DB.prepare(
      `INSERT INTO apps (id, name, created_at)
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001) SELECT printf('app_%020d', i), 'x', 0 FROM n`,
    ).run();
    const deps = await compose(bindings(), () => undefined);
    for (let read = 0; deps.ok && read < 50_000; read += 10_000) {
      await deps.value.db.d1.prepare(`SELECT count(*) FROM apps WHERE id > ''`).first();
    }
  };
  const entrances = {
    'a request': (context: ExecutionContext) =>
      worker.fetch(new Request('https://broker.example.com/healthz'), bindings(), context),
    'a tick': (context: ExecutionContext) => worker.scheduled(createScheduledController(), bindings(), context),
  };

  test.each(Object.entries(entrances))('by %s', async (_, enter) => {
    const invoke = async () => {
      const context = createExecutionContext();
      await enter(context);
      await waitOnExecutionContext(context);
    };
    await invoke();
    expect(await noted()).toBeUndefined();
    await useMany();
    await invoke();
    expect((await noted())?.read).toBeGreaterThan(50_000);
  });
});
