import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

import { openStateDir } from '../../scripts/deploy/state-dir.ts';
import { restore, type RestoreOptions } from '../../scripts/restore/restore.ts';
import { startCloudflare } from '../deploy/cloudflare-stand-in.ts';
import { bookmarkNow } from '../deploy/cloudflare-time-travel.ts';
import { d1Wrangler } from './d1-wrangler.ts';

const ROOT = join(import.meta.dirname, '../..');
const MIGRATIONS = globSync('migrations/*.sql', { cwd: ROOT }).toSorted();

const BEFORE = '2026-06-15T12:00:00.000Z';

const CONNECTION = `INSERT INTO connections (id, app_id, user_id, withings_user_id, is_current, state, state_since, scope, created_at,
  access_token_sealed, refresh_token_sealed, token_version, access_expires_at, refreshed_at, sync_cursor_seconds, data_version, next_refresh_at) VALUES`;

/** What was stored at the time that is restored: five users, each with a weight, and two keys. */
const THEN = `
  INSERT INTO apps (id, name, created_at) VALUES ('app_1', 'Womoji''s', 1);
  INSERT INTO api_keys (hash, id, app_id, name, hint, scopes, created_at) VALUES ('h1', 'k1', 'app_1', 'a', 'x', 's', 1), ('h2', 'k2', 'app_1', 'b', 'y', 's', 1);
  ${CONNECTION}
    (1, 'app_1', 'rotated', '11', 1, 'active', 1, 's', 1, 'a1', 'r1', 1, 1, 1, 50, 1, 9),
    (2, 'app_1', 'erased', '12', 1, 'active', 1, 's', 1, 'a1', 'r1', 1, 1, 1, 50, 1, 9),
    (3, 'app_1', 'disconnected', '13', 1, 'active', 1, 's', 1, 'a1', 'r1', 1, 1, 1, 50, 1, 9),
    (4, 'app_1', 'lost', '14', 1, 'active', 1, 's', 1, 'a1', 'r1', 1, 1, 1, 50, 1, 9),
    (5, 'app_1', 'doubtful', '15', 1, 'active', 1, 's', 1, 'a1', 'r1', 1, 1, 1, 50, 1, 9);
  INSERT INTO measurements VALUES (1, 1, -1, 0, 1, 1, 80.5, 1), (2, 1, -1, 0, 1, 1, 70, 1), (3, 1, -1, 0, 1, 1, 71, 1), (4, 1, -1, 0, 1, 1, 72, 1), (5, 1, -1, 0, 1, 1, 73, 1);`;

/** What happened since: the last two are the mistakes. */
const SINCE = `
  UPDATE connections SET token_version = 3, access_token_sealed = 'a3', refresh_token_sealed = 'r3', sync_cursor_seconds = 60, data_version = 2,
    refresh_lease_id = 'l', refresh_lease_until = 1 WHERE id = 1;
  DELETE FROM measurements WHERE connection_id = 2;
  DELETE FROM connections WHERE id = 2;
  UPDATE connections SET state = 'disconnected', access_token_sealed = NULL, refresh_token_sealed = NULL, token_version = 2, next_refresh_at = NULL WHERE id = 3;
  UPDATE connections SET in_doubt_since = 70, next_refresh_at = 71 WHERE id = 5;
  ${CONNECTION} (6, 'app_1', 'connected', '16', 1, 'active', 1, 's', 1, 'a1', 'r1', 1, 1, 1, 50, 1, 9);
  INSERT INTO measurements VALUES (6, 1, -1, 0, 1, 1, 74, 1);
  UPDATE api_keys SET revoked_at = 8 WHERE id = 'k1';
  INSERT INTO redirect_uris VALUES ('app_1', 'r', 'womoji://done', '[]', 1);
  INSERT INTO audit_entries (app_id, at, id, actor, surface, action, subject, detail) VALUES ('app_1', 8, 'e', 'operator', 'api', 'api_key.revoked', 'k1', '{}');
  UPDATE connections SET state = 'reauth_required', next_refresh_at = NULL WHERE id = 4;
  DELETE FROM measurements WHERE connection_id = 1;`;

/** An account whose broker has gone on since `BEFORE`, with a migration in between, and a machine that restores it. */
export const openAccount = async () => {
  const cloud = await startCloudflare();
  cloud.addDatabase('mushu-health');
  cloud.namespaces.push({ id: 'f'.repeat(32), title: 'mushu-health-LINKS' });
  const worker = () => ({ secrets: new Map(), bindings: [], uploads: [], placement: undefined, crons: [] });
  cloud.workers.set('mushu-health', worker());
  cloud.workers.set('mushu-health-edge', worker());
  const [database] = cloud.databases;
  if (database === undefined) throw new Error('no database');
  const migrate = (files: string[]) => {
    for (const file of files) {
      const name = file.slice('migrations/'.length);
      database.sqlite.exec(
        `${readFileSync(join(ROOT, file), 'utf8')}; INSERT INTO d1_migrations (name) VALUES ('${name}')`,
      );
    }
  };
  database.sqlite.exec('CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE)');
  migrate(MIGRATIONS.slice(0, -1));
  database.sqlite.exec(THEN);
  bookmarkNow(database, BEFORE);
  migrate(MIGRATIONS.slice(-1));
  database.sqlite.exec(SINCE);

  const folder = mkdtempSync(join(tmpdir(), 'mushu-restore-'));
  onTestFinished(() => {
    cloud.stop();
    rmSync(folder, { recursive: true, maxRetries: 50 });
  });
  const env = { HOME: folder, CLOUDFLARE_API_BASE_URL: cloud.apiUrl, CLOUDFLARE_API_TOKEN: 'cf-token-1' };
  const waited: number[] = [];
  const stateDir = openStateDir(join(folder, 'state'));
  const run = async (options: Partial<RestoreOptions> = {}): Promise<{ ok: boolean; said: string }> => {
    const said: string[] = [];
    const wanted = { to: BEFORE, accountId: cloud.accounts[0]?.id, healthUrl: cloud.origin, dryRun: false, ...options };
    return restore(wanted, {
      env,
      stateDir,
      ask: async () => undefined,
      say: (line) => void said.push(line),
      wait: async (ms) => void waited.push(ms),
      wranglerWith: d1Wrangler(cloud.apiUrl),
    }).then(
      () => ({ ok: true, said: said.join('\n') }),
      (error: Error) => ({ ok: false, said: [...said, error.message].join('\n') }),
    );
  };
  const rows = (sql: string) => database.sqlite.prepare(sql).all();
  return { cloud, database, stateDir, waited, run, rows, saved: join(folder, 'state/restore') };
};
export type Account = Awaited<ReturnType<typeof openAccount>>;
