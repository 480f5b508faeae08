import { env } from 'cloudflare:workers';

/** Everything that is stored, to compare before and after, and to search. */

/** The rows of a table as JSON texts, sorted. */
export type TableDump = Record<string, string[]>;

/** What a request may change although it came to nothing: spent states, counts of requests, and who looked at what. */
const CLAIMS_AND_AUDIT: readonly string[] = ['claims', 'audit_entries', 'request_budgets', 'broker_state'];

/** The names of the broker's tables. */
export const tableNames = async (): Promise<string[]> => {
  const { results } = await env.DB.prepare(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%' AND name <> 'd1_migrations'`,
  ).all<{ name: string }>();
  return results.map(({ name }) => name);
};

/** All of D1. */
export const dumpTables = async (): Promise<TableDump> => {
  const names = await tableNames();
  const results = await env.DB.batch<Record<string, unknown>>(
    names.map((name) => env.DB.prepare(`SELECT * FROM "${name}"`)),
  );
  return Object.fromEntries(
    names.map((name, index) => [name, (results[index]?.results ?? []).map((row) => JSON.stringify(row)).sort()]),
  );
};

/**
 * Every text of D1, a table at a time, with its row: to be searched, not compared. A secret is no number, and millions
 * of rows are numbers.
 */
export const tableTexts = async (): Promise<Record<string, string>> => {
  const texts: Record<string, string> = {};
  for (const name of await tableNames()) {
    const { results: columns } = await env.DB.prepare('SELECT name FROM pragma_table_info(?1)')
      .bind(name)
      .all<{ name: string }>();
    const isText = columns.map((column) => `typeof("${column.name}") IN ('text', 'blob')`).join(' OR ');
    texts[name] = JSON.stringify(await env.DB.prepare(`SELECT * FROM "${name}" WHERE ${isText}`).raw());
  }
  return texts;
};

/** D1 as far as a request that came to nothing must leave it alone; when a key was last used is no state either. */
export const dumpState = async (): Promise<TableDump> => {
  const tables = await dumpTables();
  const kept = Object.entries(tables).filter(([name]) => !CLAIMS_AND_AUDIT.includes(name));
  return Object.fromEntries(
    kept.map(([name, rows]) => [name, rows.map((row) => row.replace(/"last_used_at":\d+/, '"last_used_at":null'))]),
  );
};

/** All of KV. */
export const dumpKv = async (): Promise<Record<string, string>> => {
  const entries: Record<string, string> = {};
  let cursor: string | undefined;
  for (;;) {
    const page = await env.LINKS.list(cursor === undefined ? {} : { cursor });
    for (const { name } of page.keys) entries[name] = (await env.LINKS.get(name)) ?? '';
    if (page.list_complete) return entries;
    cursor = page.cursor;
  }
};

/** Empties every table, for tests in which the cron looks at all connections. */
export const emptyTables = async (): Promise<void> => {
  await env.DB.batch((await tableNames()).map((name) => env.DB.prepare(`DELETE FROM "${name}"`)));
};

/** Empties D1 and KV. */
export const emptyStorage = async (): Promise<void> => {
  await emptyTables();
  const { keys } = await env.LINKS.list();
  await Promise.all(keys.map(({ name }) => env.LINKS.delete(name)));
};
