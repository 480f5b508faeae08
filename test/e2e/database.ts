import { globSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Reaches into the running broker's database, for what would take a day to come about by itself. */

/** Puts the end of an access token into the past. */
export const expireToken = (state: string, tokenId: string): void => {
  const [file = ''] = globSync(join(state, 'wrangler/v3/d1/*/*.sqlite')).filter((name) => !name.includes('metadata'));
  const database = new DatabaseSync(file);
  try {
    database.exec('PRAGMA busy_timeout = 5000');
    const { changes } = database.prepare('UPDATE access_tokens SET expires_at = 1 WHERE id = ?').run(tokenId);
    if (changes !== 1) throw new Error(`no token ${tokenId} in ${file}`);
  } finally {
    database.close();
  }
};
