/**
 * What a developer tried on their own machine, for the deployed broker: accounts and their access tokens, apps, redirect URIs and API keys, so
 * that what was written against the local broker works with another address. People stay behind, with their connections and measurements:
 * their tokens are the local Withings', which is most often a simulated one, and sealed by a keyring that is not the deployed one.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import * as z from 'zod';

import { explained } from '../explained.ts';
import { attempt } from './attempt.ts';
import type { Kept } from './kept.ts';
import { jsonIn, type Wrangler } from './wrangler.ts';

type Row = Record<string, string | number | null>;

/** The rows to carry over by table, and how many people stay behind. */
export type LocalData = { tables: Record<string, Row[]>; people: number };

/** Of each carried table, the rows that do not belong to the app that `npm run dev` makes by itself. */
const CARRIED = {
  accounts: 'SELECT * FROM accounts',
  access_tokens: 'SELECT * FROM access_tokens',
  apps: 'SELECT * FROM apps WHERE id <> :demo',
  redirect_uris: 'SELECT * FROM redirect_uris WHERE app_id <> :demo',
  api_keys: 'SELECT * FROM api_keys WHERE app_id <> :demo',
};

/** Reads the data of a local broker. `folder` is what `npm run dev` calls its state. */
export const readLocalData = (folder: string): LocalData => {
  const database = new DatabaseSync(databaseFile(folder), { readOnly: true });
  try {
    const demo = demoAppId(folder);
    const tables = Object.fromEntries(
      Object.entries(CARRIED).map(([table, sql]) => {
        const statement = database.prepare(sql);
        return [table, (sql.includes(':demo') ? statement.all({ demo }) : statement.all()) as Row[]];
      }),
    );
    const people = database
      .prepare('SELECT count(DISTINCT app_id || char(0) || user_id) AS people FROM connections')
      .get();
    return { tables, people: Number(people?.['people']) };
  } finally {
    database.close();
  }
};

/** Where wrangler keeps a local D1 database: the name is a hash, and beside it lies one of its own. */
const databaseFile = (folder: string): string => {
  const files = globSync('wrangler/v3/d1/*/*.sqlite', { cwd: resolve(folder) }).filter(
    (file) => !file.endsWith('metadata.sqlite'),
  );
  const [file, another] = files;
  if (file === undefined)
    throw explained(`${resolve(folder)} holds no local broker: \`npm run dev\` makes one in .state.`);
  if (another !== undefined) throw explained(`${resolve(folder)} holds several databases. Which one was meant?`);
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
    .flatMap(([table, rows]) =>
      rows.map((row) => {
        const columns = Object.keys(row).map((column) => `"${column}"`);
        return `INSERT INTO "${table}" (${columns.join(', ')}) VALUES (${Object.values(row).map(literal).join(', ')});\n`;
      }),
    )
    .join('');

const literal = (value: string | number | null): string => {
  if (value === null) return 'NULL';
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
};

const HOLDS = 'SELECT id FROM accounts UNION ALL SELECT id FROM apps LIMIT 10000';
const held = z.tuple([z.object({ results: z.array(z.object({ id: z.string() })) })]);

/**
 * Adds the local data to the deployed database, all of it or nothing. Only an empty database takes it: what it holds is never mixed with
 * local data. A database that holds it already is left as it is.
 *
 * @param config wrangler's configuration of the deployment
 * @returns what was done, in a sentence
 */
export const importLocalData = async (
  wrangler: Wrangler,
  { config, folder, kept }: { config: string; folder: string; kept: Kept },
): Promise<string> => {
  const local = readLocalData(folder);
  const { apps = [], accounts = [], api_keys: keys = [] } = local.tables;
  const ids = [...apps, ...accounts].map(({ id }) => id);
  if (ids.length === 0) return `local data: nothing but the demo app in ${folder}, so nothing was carried over`;
  const execute = async (...args: string[]): Promise<unknown> =>
    jsonIn(await wrangler(['d1', 'execute', 'DB', '--remote', '--json', '--yes', '--config', config, ...args]));
  const present = await attempt('Looking into the deployed database', async () => {
    const [{ results }] = held.parse(await execute('--command', HOLDS));
    return new Set(results.map(({ id }) => id));
  });
  if (ids.every((id) => present.has(String(id)))) return 'local data: carried over already';
  if (present.size > 0) {
    throw explained(
      `The deployed database holds other apps or accounts than ${folder}: nothing was carried over. Run this without --import.`,
    );
  }
  await attempt('Carrying the local data over', async () =>
    execute('--file', kept.writeText('local-data.sql', insertsOf(local))),
  );
  const stay =
    local.people === 0 ? '' : ` (people who stay, since their tokens are the local Withings': ${local.people})`;
  return `local data: carried over: apps ${apps.length}, API keys ${keys.length}, accounts ${accounts.length}${stay}`;
};
