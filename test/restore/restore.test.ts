import { existsSync, statSync } from 'node:fs';

import { expect, test } from 'vitest';

import type { Fault } from '../deploy/cloudflare-stand-in.ts';
import { type Account, openAccount } from './account.ts';

/** `npm run restore` against a stand-in for Cloudflare's API with real SQLite behind it. */

const STATES = `SELECT user_id || ' ' || state || ' ' || token_version || coalesce(' ' || refresh_token_sealed, '') AS state FROM connections ORDER BY id`;
const states = ({ rows }: Account) => rows(STATES).map(({ state }) => state);

const RESTORED = [
  'rotated active 3 r3',
  'disconnected disconnected 2',
  'lost active 1 r1',
  'doubtful active 1 r1',
  'connected active 1 r1',
];

/** All that has to hold at the end. */
const expectRestored = (account: Account): void => {
  const { rows, cloud, saved } = account;
  expect(states(account)).toEqual(RESTORED);
  // What the mistake deleted is back, and the erased user is not. The one who connected since is read again from
  // Withings.
  expect(rows('SELECT connection_id AS id, value FROM measurements')).toEqual([
    { id: 1, value: 80.5 },
    { id: 3, value: 71 },
    { id: 4, value: 72 },
    { id: 5, value: 73 },
  ]);
  expect(
    rows(
      'SELECT id, sync_cursor_seconds AS cursor, data_version > 1 AS differs, refresh_lease_id AS lease FROM connections',
    ),
  ).toEqual([
    { id: 1, cursor: 50, differs: 1, lease: null },
    { id: 3, cursor: 50, differs: 0, lease: null },
    { id: 4, cursor: 50, differs: 0, lease: null },
    { id: 5, cursor: 50, differs: 0, lease: null },
    { id: 6, cursor: 0, differs: 1, lease: null },
  ]);
  expect(rows('SELECT next_refresh_at AS due, in_doubt_since AS doubt FROM connections WHERE id IN (4, 5)')).toEqual([
    { due: 9, doubt: null },
    { due: 71, doubt: 70 },
  ]);
  expect(rows('SELECT sync_resume_at > 1 AS due FROM connections WHERE id = 6')).toEqual([{ due: 1 }]);
  expect(rows('SELECT id FROM api_keys WHERE revoked_at IS NULL')).toEqual([{ id: 'k2' }]);
  expect(rows('SELECT count(*) AS n FROM redirect_uris UNION ALL SELECT count(*) FROM audit_entries')).toEqual([
    { n: 1 },
    { n: 1 },
  ]);
  expect(rows(`SELECT count(*) AS n FROM d1_migrations WHERE name LIKE '0018%'`)).toEqual([{ n: 1 }]);
  expect([...cloud.workers.values()].flatMap(({ secrets }) => [...secrets.keys()])).toEqual([]);
  expect(existsSync(saved)).toBe(false);
};

/** After each request: while requests are answered, nothing is as it was then. */
const watch = ({ cloud, database, saved }: Account) => {
  const broken: string[] = [];
  cloud.watch((request) => {
    const isBehind =
      database.sqlite.prepare('SELECT token_version AS v FROM connections WHERE id = 1').get()?.['v'] === 1;
    const isPaused = [...cloud.workers.values()].every(({ secrets }) => secrets.has('PAUSED'));
    if (isBehind && !(isPaused && existsSync(`${saved}/newer.sql`))) broken.push(request);
  });
  return broken;
};

test('a restore takes measurements back, and leaves tokens, keys, disconnects and erasures as they are', async () => {
  const account = await openAccount();
  const broken = watch(account);
  const { ok, said } = await account.run();
  expect(ok, said).toBe(true);
  expectRestored(account);
  expect(broken).toEqual([]);
  expect(said).toContain('paused: mushu-health, mushu-health-edge');
  expect(said).toContain('connections (4 written, 4 deleted)');
  expect(account.waited).toEqual([60_000]);

  // What it says to be the way back is one.
  const undo = /npm run restore -- --to ([\w-]+)/.exec(said)?.[1] ?? '';
  expect((await account.run({ to: undo })).ok).toBe(true);
  expect(states(account)).toEqual(RESTORED.map((state) => state.replace('lost active', 'lost reauth_required')));
  expect(account.rows('SELECT connection_id AS id FROM measurements')).toEqual([3, 4, 5, 6].map((id) => ({ id })));
});

const STEPS: [what: string, request: RegExp, before: number][] = [
  ['finding the bookmark', /GET .*time_travel\/bookmark/, 0],
  ['pausing the first Worker', /PUT .*mushu-health\/secrets/, 0],
  ['pausing the second', /PUT .*mushu-health-edge\/secrets/, 0],
  ['asking for leases', /POST .*query/, 0],
  ['finding the bookmark of now', /GET .*time_travel\/bookmark/, 1],
  ['exporting what is newer', /POST .*export/, 0],
  ['restoring', /POST .*time_travel\/restore/, 0],
  ['asking for migrations', /POST .*query/, 1],
  ['applying one', /POST .*query/, 2],
  ['exporting what was restored', /POST .*export/, 1],
  ['sending what is newer', /PUT \/upload/, 0],
  ['importing it', /POST .*import/, 1],
  ['asking whether it is imported', /POST .*import/, 2],
  ['ending the pause of the first Worker', /DELETE .*mushu-health\/secrets/, 0],
  ['ending that of the second', /DELETE .*mushu-health-edge\/secrets/, 0],
];
const REFUSED: Fault = { status: 500, code: 7500, message: 'internal error' };

test.each(STEPS)(
  'one that fails at %s leaves nothing half-done behind, and goes on when it is run again',
  async (_, request, before) => {
    for (const fault of ['cut before', 'cut after', REFUSED] as const) {
      const account = await openAccount();
      const broken = watch(account);
      for (let passes = 0; passes < before; passes += 1) account.cloud.failOnce(request, 'pass');
      account.cloud.failOnce(request, fault);
      const first = await account.run();
      expect(first.ok, first.said).toBe(false);
      expect(first.said).toContain('Run this again afterwards');
      const second = await account.run();
      expect(second.ok, second.said).toBe(true);
      expectRestored(account);
      expect(broken).toEqual([]);
    }
  },
);

/** Requests that may change something; the one query before them looks at the migrations. */
const changesOf = ({ cloud }: Pick<Account, 'cloud'>): string[] =>
  cloud.requests.filter((request) => !/^GET |\/query$/.test(request));

test('a dry run changes nothing and says every step', async () => {
  const account = await openAccount();
  const before = states(account);
  const { ok, said } = await account.run({ dryRun: true });
  expect(ok, said).toBe(true);
  for (const step of ['PUT secret PAUSED', 'time-travel restore: 00000000-', 'Nothing of that was done.'])
    expect(said).toContain(step);
  expect(changesOf(account)).toEqual([]);
  expect(states(account)).toEqual(before);
});

test('the database of a newer release is left alone, with the release to check out', async () => {
  const { cloud, database, run, rows, saved } = await openAccount();
  database.sqlite.exec(
    "CREATE TABLE consents (id TEXT); INSERT INTO consents VALUES ('x'); INSERT INTO d1_migrations (name) VALUES ('9999_next.sql')",
  );
  const { ok, said } = await run();
  expect(ok).toBe(false);
  expect(said).toContain('the migration 9999_next.sql, which this release does not know');
  expect([cloud.isPaused(), existsSync(saved)]).toEqual([false, false]);
  expect(rows('SELECT id FROM consents')).toEqual([{ id: 'x' }]);
});

test('a release that knows no pause is not restored, and not left paused for the next one', async () => {
  const account = await openAccount();
  account.cloud.isPaused = () => false;
  const before = states(account);
  const { ok, said } = await account.run();
  expect([ok, said]).toEqual([false, expect.stringContaining('Deploy this release with `npm run deploy`')]);
  expect(account.cloud.worker?.secrets.has('PAUSED')).toBe(false);
  expect(account.cloud.requests.filter((request) => /restore|export/.test(request))).toEqual([]);
  expect(states(account)).toEqual(before);
});

test('a lease that runs is waited for, before anything is exported', async () => {
  const account = await openAccount();
  account.database.sqlite.exec(
    `UPDATE connections SET sync_lease_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) + 90000 WHERE id = 4`,
  );
  const exported = () => account.cloud.requests.some((request) => request.endsWith('export'));
  const { waited } = account;
  waited.push = (ms) => {
    expect(exported()).toBe(false);
    if (ms > 60_000) account.database.sqlite.exec('UPDATE connections SET sync_lease_until = NULL');
    return Array.prototype.push.call(waited, ms);
  };
  expect((await account.run()).ok).toBe(true);
  expect(waited[1]).toBeGreaterThan(80_000);
});

test('what an unfinished run has saved is readable only by its owner, and not used once the broker has run since', async () => {
  const account = await openAccount();
  account.cloud.failOnce(/time_travel\/restore/, REFUSED);
  await account.run();
  expect([statSync(account.saved).mode & 0o777, statSync(`${account.saved}/newer.sql`).mode & 0o777]).toEqual([
    0o700, 0o600,
  ]);
  for (const { secrets } of account.cloud.workers.values()) secrets.clear();
  const { ok, said } = await account.run();
  expect([ok, said]).toEqual([false, expect.stringContaining('the broker has run since')]);
  expect(account.cloud.requests.filter((request) => request.endsWith('restore'))).toHaveLength(1);
  expect(existsSync(`${account.saved}/newer.sql`)).toBe(true);
});

test.each(['yesterday', '2026-06-15', '2026-06-15T12:00:00', '2026-99-15T12:00:00Z', ''])(
  'what is no time with its zone, such as "%s", stops it before Cloudflare is asked',
  async (to) => {
    const account = await openAccount();
    const { ok, said } = await account.run({ to });
    expect([ok, said]).toEqual([false, expect.stringContaining('--to takes a time with its zone')]);
    expect(account.cloud.requests).toEqual([]);
  },
);

test('a time that Time Travel does not reach stops it before anything is paused', async () => {
  const account = await openAccount();
  const { ok, said } = await account.run({ to: '2026-01-01T00:00:00Z' });
  expect([ok, said]).toEqual([false, expect.stringContaining('Finding the bookmark failed')]);
  expect(changesOf(account)).toEqual([]);
});
