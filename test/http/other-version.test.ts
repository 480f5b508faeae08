import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';

/** Values in the database that another version of the Worker wrote: older, newer, or with a bug. */

let broker: Broker;
let app: TestApp;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker();
  app = await makeApp(broker);
  await connect(broker, app, 'ada', 'nora');
  await app.call('POST', '/withings/sync/ada');
});

const set = (column: string, value: unknown) =>
  env.DB.prepare(`UPDATE connections SET ${column} = ?`)
    .bind(typeof value === 'string' ? value : JSON.stringify(value))
    .run();
const remember = (name: string, value: string) =>
  env.DB.prepare(
    `INSERT INTO broker_state (name, value, updated_at) VALUES (?1, ?2, 0) ON CONFLICT (name) DO UPDATE SET value = ?2`,
  )
    .bind(name, value)
    .run();
const sync = () => {
  broker.advance(60_000);
  return app.call('POST', '/withings/sync/ada');
};
const weights = async () => {
  const answer = await app.call('GET', '/metrics/ada?metric=weight&limit=1000');
  return (await answer.json<{ data: unknown[] }>()).data.length;
};
const UNREADABLE = ['no JSON', '{}', '[]', 'null', '{"startedAt":"now","paged":7}'];

describe('how far a connection was read', () => {
  test.each(UNREADABLE)('without a readable history (%s) it is read again, and nothing is missed', async (text) => {
    const before = await weights();
    await env.DB.exec('DELETE FROM measurements');
    await env.DB.exec('DELETE FROM groups');
    await set('sync_history', text);
    let status = 202;
    for (let calls = 0; status === 202 && calls < 20; calls += 1) ({ status } = await sync());
    expect(status).toBe(200);
    expect(await weights()).toBe(before);
  });

  test.each(['sync_resume', 'review_position', 'recent_questions'])(
    'without a readable %s a sync goes on',
    async (column) => {
      for (const text of UNREADABLE) {
        await set(column, text);
        expect((await sync()).status, text).toBe(200);
      }
    },
  );
});

test.each([
  ['a failure of a newer version', { ok: false, failure: { kind: 'not_invented_yet' } }],
  ['another shape', { ok: true, value: 7 }],
])('who waited for a sync whose result is %s is told that it runs', async (_, outcome) => {
  await set('last_sync_result', { endedAt: broker.now() + 3_600_000, outcome });
  await env.DB.prepare(`UPDATE connections SET sync_lease_id = 'x', sync_lease_until = ?`)
    .bind(broker.now() + 3_600_000)
    .run();
  const answer = await app.call('POST', '/withings/sync/ada');
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({ code: 'sync_in_progress' });
});

test.each(['no JSON', '{}', '{"open":{"cron_late":1},"queue":[]}'])(
  'without readable alarms or keyring (%s) the operator gets a status, and ticks go on',
  async (text) => {
    await remember('alarms', text);
    await remember('keyring', text);
    expect((await broker.manage('GET', '/operator/status')).status).toBe(200);
    await broker.tick();
    expect(broker.logs.filter(({ level }) => level === 'error')).toEqual([]);
  },
);

test('without a readable list of changes a reader is given the user whole', async () => {
  const read = async (cursor?: string) =>
    (await app.call('GET', `/changes?limit=500${cursor === undefined ? '' : `&cursor=${cursor}`}`)).json<{
      data: { reset?: true }[];
      next_cursor: string;
    }>();
  let page = await read();
  while (page.data.length > 0) page = await read(page.next_cursor);
  const person = broker.simulator.state.people.find('nora');
  if (person === undefined) throw new Error('nobody');
  broker.simulator.state.weighIns.add(person, { weightKg: 61 });
  await sync();
  await set('recent_changes', '{"since":"long ago"}');
  expect((await read(page.next_cursor)).data[0]).toMatchObject({ user_id: 'ada', reset: true });
});

test('a user who has to consent again for a reason that is not known is told so, by every route', async () => {
  await set('state', 'reauth_required');
  await set('state_reason', 'not_invented');
  const shown = { state: 'reauth_required', state_reason: null };
  expect(await (await app.call('GET', '/withings/connections/ada')).json()).toMatchObject(shown);
  expect(await (await app.call('GET', '/withings/connections')).json()).toMatchObject({ data: [shown] });
  expect(await (await sync()).json()).toMatchObject({ code: 'reauth_required' });
});
