import { DatabaseSync } from 'node:sqlite';

import { type Cloudflare, type Database, refusal, type Route } from './cloudflare-account.ts';

/** The routes of Cloudflare's API that export a database of D1, and that take it back to an earlier time. */
export const timeTravelRoutes = (
  cloud: Cloudflare,
  of: (uuid: string | undefined) => Database | undefined,
): Route[] => {
  const about = (
    method: string,
    path: string,
    answer: (database: Database, call: Parameters<Route[2]>[0]) => unknown,
  ): Route => [
    method,
    new RegExp(`^/d1/database/([0-9a-f-]+)/${path}$`),
    (call) => {
      const database = of(call.params[0]);
      return database === undefined ? refusal(404, 7404, 'The database could not be found') : answer(database, call);
    },
  ];
  return [
    about('GET', 'time_travel/bookmark', (database, { query }) => {
      const asked = query.get('timestamp');
      if (asked === null) return { bookmark: bookmarkNow(database) };
      const found = database.bookmarks.findLast(({ at }) => at <= asked);
      return found === undefined
        ? refusal(400, 7500, 'no bookmark at or before that time')
        : { bookmark: found.bookmark };
    }),
    about('POST', 'time_travel/restore', (database, { query }) => {
      const wanted = query.get('bookmark');
      const found = database.bookmarks.find(({ bookmark }) => bookmark === wanted);
      if (found === undefined) return refusal(400, 7500, 'no such bookmark');
      const previous = bookmarkNow(database);
      database.sqlite = new DatabaseSync(':memory:');
      database.sqlite.exec(found.dump);
      return { bookmark: bookmarkNow(database), previous_bookmark: previous, message: 'restored' };
    }),
    about('POST', 'export', ({ sqlite }, { body, origin }) => {
      const { dump_options: options } = body() as { dump_options: { tables: string[]; no_schema: boolean } };
      const name = `export-${cloud.files.size}.sql`;
      cloud.files.set(name, dumpOf(sqlite, options.tables, options.no_schema));
      const result = { filename: name, signed_url: `${origin}/download/${name}` };
      return { success: true, type: 'export', status: 'complete', messages: [], at_bookmark: 'b', result };
    }),
  ];
};

/** Remembers a database as it is, under a time. */
export const bookmarkNow = ({ bookmarks, sqlite }: Database, at = new Date().toISOString()): string => {
  const bookmark = `${bookmarks.length.toString(16).padStart(8, '0')}-00000001-00004e2f-${'0a'.repeat(16)}`;
  bookmarks.push({ at, bookmark, dump: dumpOf(sqlite, [], false) });
  return bookmark;
};

/** As D1 exports: all tables or these, each row with the names of its columns, and the indexes at the end. */
export const dumpOf = (sqlite: DatabaseSync, only: readonly string[], noSchema: boolean): string => {
  const schema = sqlite
    .prepare(
      `SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY type = 'index', rowid`,
    )
    .all() as { name: string; type: string; sql: string }[];
  const wanted = schema.filter(({ name }) => only.length === 0 || only.includes(name));
  const rowsOf = (table: string): string[] => {
    const columns = sqlite
      .prepare(`SELECT name FROM pragma_table_info(?)`)
      .all(table)
      .map(({ name }) => `"${String(name)}"`);
    const values = columns.map((column) => `quote(${column})`).join(` || ',' || `);
    const rows = sqlite.prepare(`SELECT ${values} AS row FROM "${table}"`).all();
    return rows.map(({ row }) => `INSERT INTO "${table}" (${columns.join(',')}) VALUES(${String(row)});`);
  };
  const parts = (type: string) =>
    wanted.filter((one) => one.type === type).map(({ sql }) => (noSchema ? '' : `${sql};`));
  const tables = wanted.filter(({ type }) => type === 'table');
  return [
    'PRAGMA defer_foreign_keys=TRUE;',
    ...parts('table'),
    ...tables.flatMap(({ name }) => rowsOf(name)),
    ...parts('index'),
  ].join('\n');
};
