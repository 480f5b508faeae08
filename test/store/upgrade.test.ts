import { applyD1Migrations } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';

import { openToken } from '../../src/broker/tokens/sealed-tokens.ts';
import type { AppId } from '../../src/domain/app-id.ts';
import { asConnectionId } from '../../src/domain/connection-id.ts';
import firstRelease from '../fixtures/first-release.sql?raw';
import { startBroker } from '../support/broker.ts';

/**
 * A database that the first release filled, brought up to date: every row is there, with everything that it held. Rows
 * are made from what the tables themselves say, so that none is forgotten.
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

/**
 * A value that a careless migration would change: large integers, fractions, text beyond ASCII, quotes, nothing at all.
 */
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

const allRows = async (table: string, columns: readonly string[] = ['*']): Promise<Row[]> =>
  (await env.DB.prepare(`SELECT ${columns.join(', ')} FROM "${table}"`).all<Row>()).results;

/**
 * Makes the tables of the first release and fills them, then brings them up to date; no row may have changed, nor any
 * be gone.
 */
const mustKeep = async (fillTables: (tables: readonly string[]) => Promise<Map<string, Row[]>>): Promise<void> => {
  const [first, ...later] = env.TEST_MIGRATIONS;
  expect(later.length).toBeGreaterThan(0);
  await dropEverything();
  await applyD1Migrations(env.DB, first === undefined ? [] : [first]);
  const tables = (await namesOf()).filter((name) => name !== 'd1_migrations');
  expect(tables.length).toBeGreaterThan(10);
  const before = await fillTables(tables);

  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);

  for (const [table, rows] of before) {
    const names = Object.keys(rows[0] ?? {}).map((name) => `"${name}"`);
    // A migration may leave work for the cron, which is a row of its own.
    const after = (await allRows(table, names)).filter(({ name }) => table !== 'broker_state' || name !== 'compaction');
    expect(sorted(after), table).toEqual(sorted(rows));
  }
  const { results: faults } = await env.DB.prepare('PRAGMA foreign_key_check').all();
  expect(faults).toEqual([]);
  expect((await env.DB.prepare('PRAGMA quick_check').first())?.['quick_check']).toBe('ok');
};

test('a database of the first release keeps every row, with everything in it, through every migration since', async () => {
  await mustKeep(async (tables) => {
    const before = new Map<string, Row[]>();
    for (const table of tables) before.set(table, await fill(table));
    return before;
  });
});

describe('what the code of the first release wrote', () => {
  const statements = firstRelease
    .replace(/^--.*$/gm, '')
    .split(/;\n(?=INSERT|$)/)
    .filter((text) => text.trim() !== '');
  const KEY = 'mushu_key_29168d2ba806e477c293e60e3b51b5cae5c00172506c900b5b9e1d96c6bcd385e75a7d6f';

  test('keeps every row, and today’s code serves it: keys, connections, body data and sealed tokens', async () => {
    await mustKeep(async (tables) => {
      await env.DB.batch(statements.map((statement) => env.DB.prepare(statement)));
      const before = new Map<string, Row[]>();
      for (const table of tables) {
        const rows = await allRows(table);
        if (rows.length > 0) before.set(table, rows);
      }
      expect(before.size).toBe(10);
      return before;
    });
    const broker = await startBroker();
    const read = async (path: string): Promise<unknown> => {
      const response = await broker.request(`/apps/app_womoji${path}`, { headers: { 'X-API-Key': KEY } });
      expect(response.status, path).toBe(200);
      return response.json();
    };
    expect(await read('/withings/status/ada')).toMatchObject({ connected: true });
    expect(await read('/withings/status/lost')).toMatchObject({ connected: false });
    expect(await read('/metrics/ada/latest')).toMatchObject({ data: { weight: { value: 80.094 } } });
    const deps = await broker.deps();
    const stored = await env.DB.prepare(
      'SELECT app_id, id, access_token_sealed AS sealed FROM connections WHERE sealed IS NOT NULL ORDER BY id',
    ).all<{ app_id: AppId; id: number; sealed: string }>();
    const opened: string[] = [];
    for (const { app_id: appId, id: connectionId, sealed } of stored.results) {
      const token = await openToken(
        deps,
        { appId, connectionId: asConnectionId(connectionId) },
        'access_token',
        sealed,
      );
      opened.push(token.ok ? token.value.reveal().replace(String(connectionId), 'id') : token.failure.kind);
    }
    // The first two were refreshed once.
    expect(opened).toEqual(stored.results.map((_, index) => `access-id-${index < 2 ? 2 : 1}`));
    expect(opened).toHaveLength(8);
  });
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
