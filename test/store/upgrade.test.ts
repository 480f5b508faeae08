import { applyD1Migrations } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

/**
 * A database that the first release filled, brought up to date: every row is there, with everything that it held. Rows are made from what
 * the tables themselves say, so that none is forgotten.
 */

type Column = { name: string; type: string; notnull: 0 | 1 };
type Row = Record<string, unknown>;

const ROWS_PER_TABLE = 50;

const namesOf = async (): Promise<string[]> => {
  const { results } = await env.DB.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_%' ESCAPE '\\'",
  ).all<{ name: string }>();
  return results.map(({ name }) => name);
};

const dropEverything = async (): Promise<void> => {
  for (const name of await namesOf()) await env.DB.prepare(`DROP TABLE "${name}"`).run();
};

const columnsOf = async (table: string): Promise<Column[]> =>
  (await env.DB.prepare(`SELECT name, type, "notnull" FROM pragma_table_info('${table}')`).all<Column>()).results;

/** A value that a careless migration would change: large integers, fractions, text beyond ASCII, quotes, nothing at all. */
const valueFor = ({ type, notnull }: Column, row: number): unknown => {
  if (notnull === 0 && row % 3 === 0) return null;
  if (type === 'INTEGER') return row % 2 === 0 ? row : Number.MAX_SAFE_INTEGER - row;
  if (type === 'REAL') return row + 0.1;
  return `ünïcode '"; -- \u0000 ${row}`;
};

const fill = async (table: string): Promise<Row[]> => {
  const columns = await columnsOf(table);
  const names = columns.map(({ name }) => `"${name}"`).join(', ');
  const marks = columns.map(() => '?').join(', ');
  const insert = env.DB.prepare(`INSERT INTO "${table}" (${names}) VALUES (${marks})`);
  const rows = Array.from({ length: ROWS_PER_TABLE }, (_, row) =>
    Object.fromEntries(columns.map((column) => [column.name, valueFor(column, row)])),
  );
  await env.DB.batch(rows.map((row) => insert.bind(...Object.values(row))));
  return rows;
};

const sorted = (rows: readonly Row[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

test('a database of the first release keeps every row, with everything in it, through every migration since', async () => {
  const [first, ...later] = env.TEST_MIGRATIONS;
  expect(later.length).toBeGreaterThan(0);
  await dropEverything();
  await applyD1Migrations(env.DB, first === undefined ? [] : [first]);
  const tables = (await namesOf()).filter((name) => name !== 'd1_migrations');
  expect(tables.length).toBeGreaterThan(10);
  const before = new Map<string, Row[]>();
  for (const table of tables) before.set(table, await fill(table));

  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);

  for (const [table, rows] of before) {
    const names = Object.keys(rows[0] ?? {}).map((name) => `"${name}"`);
    const { results } = await env.DB.prepare(`SELECT ${names.join(', ')} FROM "${table}"`).all<Row>();
    expect(sorted(results), table).toEqual(sorted(rows));
  }
  const { results: faults } = await env.DB.prepare('PRAGMA foreign_key_check').all();
  expect(faults).toEqual([]);
  expect((await env.DB.prepare('PRAGMA quick_check').first())?.['quick_check']).toBe('ok');
});

test('migrations rebuild no table, cascade nothing and check nothing', () => {
  for (const { name, queries } of env.TEST_MIGRATIONS) {
    const sql = queries.join('\n');
    expect(sql, name).not.toMatch(/DROP TABLE|RENAME TO|__new_|ON DELETE CASCADE|\bCHECK\s*\(/i);
  }
});

test('a table is keyed by an integer, or is its own key without a second copy of it', async () => {
  const { results } = await env.DB.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").all<{
    name: string;
    sql: string;
  }>();
  const ours = results.filter(({ name }) => !/^(?:d1_|sqlite|_)/.test(name));
  for (const { name, sql } of ours) expect(sql, name).toMatch(/WITHOUT ROWID$|`id` integer PRIMARY KEY/);
});
