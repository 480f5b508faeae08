import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { CARRIED_TABLES, RESTORED_TABLES } from '../../scripts/restore/carry-over.ts';
import { computeInline } from '../support/inline-subtle.ts';
import { type Broker, startBroker } from './broker.ts';

/** What is carried over to a restored database, by histories of the broker itself. */

computeInline();

const USERS = ['ada', 'ben', 'cleo'];
const MINUTE_MS = 60_000;

type Step =
  | { do: 'tick' | 'revoke' }
  | { do: 'advance'; minutes: number }
  | { do: 'link' | 'sync' | 'weigh' | 'disconnect' | 'erase'; user: string };

const user = fc.constantFrom(...USERS);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'tick' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'revoke' }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('advance' as const), minutes: fc.constantFrom(2, 30, 181, 600) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('link' as const, 'sync' as const, 'weigh' as const, 'disconnect' as const, 'erase' as const),
      user,
    }),
  },
);
const steps = fc.array(step, { minLength: 1, maxLength: 12 });

const take = async (broker: Broker, keys: { id: string; key: string }[], next: Step): Promise<void> => {
  // No two requests in the seconds in which Withings would refuse the second one.
  broker.advance(MINUTE_MS + 1_000);
  switch (next.do) {
    case 'advance':
      return broker.advance(next.minutes * MINUTE_MS);
    case 'tick':
      return broker.tick();
    case 'weigh':
      return broker.weigh(next.user);
    case 'revoke': {
      keys.push(await broker.newKey());
      const oldest = keys.shift();
      if (oldest !== undefined) await broker.revoke(oldest.id);
      return undefined;
    }
    default:
      await broker[next.do](next.user);
  }
};

const CONNECTIONS =
  'SELECT id, user_id, state, token_version, refresh_token_sealed, change_seq, data_version FROM connections ORDER BY id';

test('whatever happened since: no token is older, nobody erased is back, no revoked key works, and all go on', async () => {
  const property = fc.asyncProperty(steps, steps, async (before, since) => {
    const broker = await startBroker(USERS);
    const keys = [await broker.newKey(), await broker.newKey()];
    const all = [...keys];
    for (const name of USERS.slice(0, 2)) await broker.link(name);
    for (const next of before) await take(broker, keys, next);
    const snapshot = broker.snapshot();
    const ofThen = broker.rows(CONNECTIONS);
    for (const next of since) {
      await take(broker, keys, next);
      all.push(...keys.filter((key) => !all.includes(key)));
    }
    const newest = broker.rows(CONNECTIONS);
    const others = CARRIED_TABLES.filter((table) => table !== 'connections');
    const settings = broker.stored(others);

    broker.restore(snapshot);

    // State may go back to what it was with the same tokens; everything else about the tokens is the newest.
    const restored = broker.rows(CONNECTIONS);
    const tokens = (rows: typeof newest) =>
      rows.map(({ id, token_version: version, refresh_token_sealed: sealed }) => ({ id, version, sealed }));
    expect(tokens(restored)).toEqual(tokens(newest));
    expect(broker.stored(others)).toEqual(settings);
    for (const table of RESTORED_TABLES) {
      expect(broker.rows(`SELECT 1 FROM ${table} WHERE connection_id NOT IN (SELECT id FROM connections)`)).toEqual([]);
    }
    for (const { id, data_version: version } of restored) {
      const [then, last] = [ofThen, newest].map((rows) => rows.find((row) => row['id'] === id)?.['data_version']);
      expect(Number(version) > Number(last) || (version === last && version === then)).toBe(true);
    }
    for (const { id, key } of all)
      expect([id, await broker.isGood(key)]).toEqual([id, keys.some((good) => good.id === id)]);

    // Everybody whose connection was good goes on, with what they weigh in and what they had weighed in since.
    for (const { user_id: name, state } of newest) {
      if (state === 'active') await expectToGoOn(broker, String(name));
    }
    expect(broker.violations).toEqual([]);
  });
  await fc.assert(property, { numRuns: 25, seed: 20_261_129 });
});

/** A sync brings the next weigh-in, and all earlier ones that the restore took back. */
const expectToGoOn = async (broker: Broker, name: string): Promise<void> => {
  broker.weigh(name);
  const stored = () =>
    broker.rows(
      `SELECT 1 FROM measurements AS m JOIN connections AS c ON c.id = m.connection_id WHERE c.user_id = '${name}' AND m.type = 1`,
    ).length;
  for (let tries = 0; tries < 6 && stored() < broker.weighIns(name); tries += 1) {
    // While a history is read, what is new is asked for every ten minutes.
    broker.advance(11 * MINUTE_MS);
    expect([200, 202, 429, 503]).toContain(await broker.sync(name));
  }
  expect([name, stored()]).toEqual([name, broker.weighIns(name)]);
};

test('a reader of changes gets those whole whose measurements differ, and nobody else', async () => {
  const broker = await startBroker(USERS);
  for (const name of USERS) {
    await broker.link(name);
    await expectToGoOn(broker, name);
  }
  const { next_cursor: first } = await broker.changes();
  await expectToGoOn(broker, 'ada');
  const snapshot = broker.snapshot();
  await expectToGoOn(broker, 'ben');
  await broker.erase('cleo');
  const before = await broker.changes(first);
  expect(before.data.map(({ user_id: user, reset }) => [user, reset])).toEqual([
    ['ada', undefined],
    ['ben', undefined],
  ]);

  broker.restore(snapshot);

  const after = await broker.changes(before.next_cursor);
  expect(after.data.filter(({ reset }) => reset === true)).toEqual([{ user_id: 'ben', reset: true }]);
  expect(new Set(after.data.map(({ user_id: user }) => user))).toEqual(new Set(['ben']));
  expect((await broker.changes(after.next_cursor)).data).toEqual([]);
});

test('each table of the schema is restored or carried over', async () => {
  const broker = await startBroker([]);
  expect([...RESTORED_TABLES, ...CARRIED_TABLES].toSorted()).toEqual(broker.tables().toSorted());
});
