import { globSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { NET_MS } from '../support/net.ts';

/** Reaches into the running broker's database, for what would take a day to come about by itself. */

const withDatabase = <Value>(state: string, use: (database: DatabaseSync) => Value): Value => {
  const [file = ''] = globSync(join(state, 'wrangler/v3/d1/*/*.sqlite')).filter((name) => !name.includes('metadata'));
  const database = new DatabaseSync(file);
  try {
    database.exec(`PRAGMA busy_timeout = ${NET_MS}`);
    return use(database);
  } finally {
    database.close();
  }
};

/** Puts the end of an access token into the past. */
export const expireToken = (state: string, tokenId: string): void =>
  withDatabase(state, (database) => {
    const { changes } = database.prepare('UPDATE access_tokens SET expires_at = 1 WHERE id = ?').run(tokenId);
    if (changes !== 1) throw new Error(`no token ${tokenId} in ${state}`);
  });

/** The names of the migrations that the database has had, in their order. */
export const appliedMigrations = (state: string): unknown[] =>
  withDatabase(state, (database) =>
    database
      .prepare('SELECT name FROM d1_migrations ORDER BY id')
      .all()
      .map(({ name }) => name),
  );
