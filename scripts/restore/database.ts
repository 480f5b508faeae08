import * as z from 'zod';

import { withRemedy } from '../deploy/with-remedy.ts';
import { jsonIn, type Wrangler } from '../deploy/wrangler.ts';
import { CARRIED_TABLES } from './carry-over.ts';

const leases = z.tuple([z.object({ results: z.tuple([z.object({ ms: z.number().nullable() })]) })]);
const applied = z.tuple([z.object({ results: z.array(z.object({ name: z.string() })) })]);
const bookmarked = z.object({ bookmark: z.string() });

const LEASES = `SELECT max(max(coalesce(refresh_lease_until, 0), coalesce(sync_lease_until, 0))) - CAST(unixepoch('subsec') * 1000 AS INTEGER) AS ms FROM connections`;

const MIGRATIONS = 'SELECT name FROM d1_migrations';

/** The deployed database, through wrangler. Each failing step says what to do. */
export const databaseWith = (wrangler: Wrangler, config: string) => {
  const d1 = async (step: string, ...args: string[]): Promise<string> =>
    withRemedy(step, async () => wrangler(['d1', ...args, '--config', config]));
  const execute = async (step: string, ...args: string[]) =>
    jsonIn(await d1(step, 'execute', 'DB', '--remote', '--json', '--yes', ...args));
  return {
    /** The bookmark of a time, or of now. */
    bookmarkAt: async (time: string | undefined): Promise<string> => {
      const at = time === undefined ? [] : ['--timestamp', time];
      return bookmarked.parse(jsonIn(await d1('Finding the bookmark', 'time-travel', 'info', 'DB', '--json', ...at)))
        .bookmark;
    },
    longestLeaseMs: async (): Promise<number> => {
      const [{ results }] = leases.parse(await execute('Looking for leases', '--command', LEASES));
      return results[0].ms ?? 0;
    },
    migrations: async (): Promise<string[]> => {
      const [{ results }] = applied.parse(await execute('Looking at the migrations', '--command', MIGRATIONS));
      return results.map(({ name }) => name);
    },
    exportTo: async (file: string): Promise<void> => {
      const tables = CARRIED_TABLES.flatMap((table) => ['--table', table]);
      await d1(
        'Exporting',
        'export',
        'DB',
        '--remote',
        '--skip-confirmation',
        '--no-schema',
        '--output',
        file,
        ...tables,
      );
    },
    restoreTo: async (bookmark: string): Promise<void> => {
      await d1('Restoring the database', 'time-travel', 'restore', 'DB', '--json', '--bookmark', bookmark);
    },
    migrate: async (): Promise<void> => {
      await d1('Applying the migrations', 'migrations', 'apply', 'DB', '--remote');
    },
    runFile: async (file: string): Promise<void> => {
      await execute('Carrying over what is newer', '--file', file);
    },
  };
};
