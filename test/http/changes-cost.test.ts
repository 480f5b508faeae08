import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';

import { connect } from '../support/broker.ts';
import { type Feed, startFeed } from '../support/changes-feed.ts';

/** What the changes of an app cost, in rows and calls. */

let feed: Feed;
const start = async () => {
  feed = await startFeed();
};

describe('what it costs', () => {
  beforeAll(start);

  const seedUsers = (from: number, to: number, changeSeq: number | null) =>
    env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
       INSERT INTO connections (id, app_id, user_id, withings_user_id, is_current, state, state_since, scope, created_at,
         token_version, access_expires_at, refreshed_at, change_seq)
       SELECT 4000000000000000 + i, ?3, 'seeded-' || i, 'seeded-' || i, 1, 'disconnected', 0, '', 0, 1, 0, 0, ?4 FROM n`,
    )
      .bind(from, to, feed.app.id, changeSeq)
      .run();

  test('an app that does not read them writes nothing for it, one that does one row a sync', async () => {
    const ada = feed.addPerson('ada');
    feed.weigh(ada, 50, 25);
    await connect(feed.broker, feed.app, 'ada', 'ada');
    await feed.sync('ada');
    const cost = async () => {
      feed.weigh(ada, 60);
      feed.broker.advance(60_000);
      feed.d1.reset();
      await feed.sync('ada');
      const noting = feed.d1.statements.filter(({ sql }) => sql.includes('recent_changes'));
      return { all: feed.d1.rowsWritten(), readToNote: noting.reduce((sum, { rowsRead }) => sum + rowsRead, 0) };
    };
    // One measurement in one group, and 3.
    expect((await cost()).all).toBeLessThanOrEqual(5);
    const before = await cost();
    const { results } = await env.DB.prepare('SELECT 1 FROM connections WHERE change_seq IS NOT NULL').all();
    expect(results).toEqual([]);
    await feed.ask('');
    // The index entry; to find its place, the last entry is looked up for the place and for the list.
    const after = { all: before.all + 1, readToNote: before.readToNote + 2 };
    expect([await cost(), await cost()]).toEqual([after, after]);
  });

  test('a read grows with what changed, not with the users or with what changed before', async () => {
    const ada = feed.broker.simulator.state.people.find('ada');
    if (ada === undefined) throw new Error('nobody');
    let page = await feed.read(undefined, 100);
    while (page.has_more) page = await feed.read(page.next_cursor, 100);
    let cursor = page.next_cursor;
    const costs: number[] = [];
    for (const [from, to] of [
      [0, 10],
      [10, 5_000],
    ] as const) {
      await seedUsers(from, to, from === 0 ? null : 1);
      feed.weigh(ada, 61);
      await feed.sync('ada');
      feed.d1.reset();
      const { data, next_cursor: next } = await feed.read(cursor, 100);
      expect(data).toHaveLength(1);
      costs.push(feed.d1.rowsRead());
      expect(feed.d1.rowsWritten()).toBe(0);
      expect(feed.d1.calls()).toBe(3);
      cursor = next;
      feed.d1.reset();
      expect((await feed.read(cursor, 100)).data).toEqual([]);
      expect(feed.d1.calls()).toBe(2);
      expect(feed.d1.rowsRead()).toBeLessThanOrEqual(4);
    }
    expect(costs[1]).toBe(costs[0]);
    expect(costs[0]).toBeLessThanOrEqual(10);
  });

  test('a page of many users who are read whole fits one invocation', async () => {
    feed.d1.reset();
    const page = await feed.read(undefined, 500);
    expect(page.has_more).toBe(true);
    expect(page.data.length).toBeGreaterThan(30);
    expect(feed.d1.calls()).toBeLessThan(45);
    expect(feed.d1.rowsRead()).toBeLessThan(500);
  });
});
