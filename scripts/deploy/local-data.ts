/**
 * Copies local data to the deployed broker: accounts with their access tokens, apps, redirect URIs and API keys. An app
 * that works with the local broker then needs only another address. Users, with their connections and measurements, are
 * copied only on request. With `npm run dev` they belong to the simulated Withings, and their tokens are valid nowhere
 * else.
 */
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import * as z from 'zod';

import { userError } from '../user-error.ts';
import { withPrivateFolder } from './private-folder.ts';
import { insertOf, type Row } from './sql-text.ts';
import { withRemedy } from './with-remedy.ts';
import { jsonIn, type Wrangler } from './wrangler.ts';

/** The rows to copy, by table, and the number of users that are not copied. */
export type LocalData = { tables: Record<string, Row[]>; stay: number };

/** The rows of each table, without those of the app that `npm run dev` creates. */
const SETTINGS = {
  accounts: 'SELECT * FROM accounts',
  access_tokens: 'SELECT * FROM access_tokens',
  apps: 'SELECT * FROM apps WHERE id <> :demo',
  redirect_uris: 'SELECT * FROM redirect_uris WHERE app_id <> :demo',
  api_keys: 'SELECT * FROM api_keys WHERE app_id <> :demo',
};
const OF_PEOPLE = 'connection_id IN (SELECT id FROM connections WHERE app_id <> :demo)';
const PEOPLE = {
  connections: 'SELECT * FROM connections WHERE app_id <> :demo',
  sources: `SELECT * FROM sources WHERE ${OF_PEOPLE}`,
  group_kinds: `SELECT * FROM group_kinds WHERE ${OF_PEOPLE}`,
  groups: `SELECT * FROM groups WHERE ${OF_PEOPLE}`,
  measurements: `SELECT * FROM measurements WHERE ${OF_PEOPLE}`,
};

/** Reads the data of a local broker. `folder` is the state of `npm run dev`, or wrangler's own, `.wrangler/state`. */
export const readLocalData = (folder: string, withPeople: boolean): LocalData => {
  const database = new DatabaseSync(databaseFile(folder), { readOnly: true });
  try {
    const demo = demoAppId(folder);
    const rows = (sql: string): Row[] => {
      const statement = database.prepare(sql);
      return (sql.includes(':demo') ? statement.all({ demo }) : statement.all()) as Row[];
    };
    const carried = { ...SETTINGS, ...(withPeople && PEOPLE) };
    const tables = Object.fromEntries(Object.entries(carried).map(([table, sql]) => [table, rows(sql)]));
    return { tables, stay: rows('SELECT id FROM connections').length - (tables['connections']?.length ?? 0) };
  } finally {
    database.close();
  }
};

/**
 * The file of wrangler's local D1 database. Its name is a hash, and the folder has another database of wrangler's own.
 */
const databaseFile = (folder: string): string => {
  const files = globSync(['wrangler/v3/d1/*/*.sqlite', 'v3/d1/*/*.sqlite'], { cwd: resolve(folder) }).filter(
    (file) => !file.endsWith('metadata.sqlite'),
  );
  const [file, another] = files;
  if (file === undefined)
    throw userError(`${resolve(folder)} holds no local broker: \`npm run dev\` makes one in .state.`);
  if (another !== undefined) throw userError(`${resolve(folder)} holds several databases. Which one was meant?`);
  return join(resolve(folder), file);
};

const demoAppId = (folder: string): string => {
  const file = join(folder, 'demo-app.json');
  if (!existsSync(file)) return '';
  return z.object({ id: z.string() }).parse(JSON.parse(readFileSync(file, 'utf8'))).id;
};

/** The statements that add these rows. */
export const insertsOf = ({ tables }: LocalData): string =>
  Object.entries(tables)
    .flatMap(([table, rows]) => rows.map((row) => insertOf(table, row)))
    .join('');

const HOLDS = 'SELECT id FROM accounts UNION ALL SELECT id FROM apps LIMIT 10000';
const held = z.tuple([z.object({ results: z.array(z.object({ id: z.string() })) })]);

/**
 * Adds the local data to the deployed database, all of it or nothing. The database must be empty, so that its data is
 * never mixed with local data. If it already has this data, nothing happens.
 *
 * @param config wrangler's configuration of the deployment
 * @returns a sentence about what was done
 */
export const importLocalData = async (
  wrangler: Wrangler,
  { config, folder, withPeople }: { config: string; folder: string; withPeople: boolean },
): Promise<string> => {
  const local = readLocalData(folder, withPeople);
  const { apps = [], accounts = [] } = local.tables;
  const ids = [...apps, ...accounts].map(({ id }) => id);
  if (ids.length === 0) return `local data: nothing but the demo app in ${folder}, so nothing was carried over`;
  const execute = async (...args: string[]): Promise<unknown> =>
    jsonIn(await wrangler(['d1', 'execute', 'DB', '--remote', '--json', '--yes', '--config', config, ...args]));
  const present = await withRemedy('Looking into the deployed database', async () => {
    const [{ results }] = held.parse(await execute('--command', HOLDS));
    return new Set(results.map(({ id }) => id));
  });
  if (ids.every((id) => present.has(String(id)))) return 'local data: carried over already';
  if (present.size > 0) {
    throw userError(
      `The deployed database holds other apps or accounts than ${folder}: nothing was carried over. Run this without --import.`,
    );
  }
  await withRemedy('Carrying the local data over', async () =>
    withPrivateFolder(async (temporary) => {
      const file = join(temporary, 'local-data.sql');
      writeFileSync(file, insertsOf(local));
      await execute('--file', file);
    }),
  );
  const counts = Object.entries(local.tables).map(([table, rows]) => `${table} ${rows.length}`);
  return `local data: carried over: ${counts.join(', ')}${local.stay === 0 ? '' : `; connections that stay: ${local.stay}`}`;
};
