import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const ROOT = join(import.meta.dirname, '../..');

/** What `npm run dev` leaves: an app of the developer's own and the demo app, with a user connected to each. */
export const localBroker = (folder: string): string => {
  const d1 = join(folder, 'wrangler/v3/d1/miniflare-D1DatabaseObject');
  mkdirSync(d1, { recursive: true });
  writeFileSync(join(folder, 'demo-app.json'), '{"id":"app_demo","key":"mushu_key_demo"}');
  writeFileSync(join(d1, 'metadata.sqlite'), '');
  const database = new DatabaseSync(join(d1, 'a1b2.sqlite'));
  database.exec('PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF');
  for (const file of globSync('migrations/*.sql', { cwd: ROOT }).sort())
    database.exec(readFileSync(join(ROOT, file), 'utf8'));
  database.exec(`
    INSERT INTO apps (id, name, created_at) VALUES ('app_own', 'Womoji''s', 1), ('app_demo', 'Demo', 1);
    INSERT INTO redirect_uris VALUES ('app_own', 'r', 'womoji://done', '[]', 1), ('app_demo', 'r', 'demo://done', '[]', 1);
    INSERT INTO api_keys (hash, id, app_id, name, hint, scopes, created_at) VALUES ('h1', 'k', 'app_own', 'n', 'x', 's', 1);
    INSERT INTO connections (id, app_id, user_id, withings_user_id, is_current, state, state_since, scope, created_at,
      token_version, access_expires_at, refreshed_at) VALUES (1, 'app_demo', 'ada', '9', 1, 'active', 1, 's', 1, 1, 1, 1),
      (2, 'app_own', 'grace', '8', 1, 'active', 1, 's', 1, 1, 1, 1);
    INSERT INTO measurements VALUES (1, 1, -1, 0, 1, 1, 80, 1), (2, 1, -1, 0, 1, 1, 71.25, 1);
  `);
  database.close();
  return folder;
};
