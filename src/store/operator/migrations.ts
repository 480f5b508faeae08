import journal from '../../../migrations/meta/_journal.json' with { type: 'json' };
import { tryD1, type Db, type StoreResult } from '../d1.ts';

/** The migration that this code was written for, and the last one that the database had. */
export type MigrationState = { wanted: string; applied: string | undefined };

/**
 * The last migration that this code needs. Names begin with a number, so they sort in the order in which they are
 * applied.
 */
export const WANTED_MIGRATION = `${journal.entries.at(-1)?.tag}.sql`;

/** Whether the database is the one that this code knows. Raw SQL: the table is Wrangler's, so no schema has it. */
export const migrationState = (db: Db): StoreResult<MigrationState> =>
  tryD1(db, async () => {
    const row = await db.d1
      .prepare('SELECT name FROM d1_migrations ORDER BY id DESC LIMIT 1')
      .first<{ name: string }>();
    return { wanted: WANTED_MIGRATION, applied: row?.name };
  });
