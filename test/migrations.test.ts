import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** The rules of migrations/README.md. */

const root = new URL('..', import.meta.url).pathname;
const run = promisify(execFile);

const files = (await readdir(`${root}migrations`)).filter((name) => name.endsWith('.sql')).sort();
const texts = new Map(
  await Promise.all(files.map(async (name) => [name, await readFile(`${root}migrations/${name}`, 'utf8')] as const)),
);
const schemaFiles = await readdir(`${root}src/store/schema`);
const schema = (await Promise.all(schemaFiles.map((name) => readFile(`${root}src/store/schema/${name}`, 'utf8')))).join(
  '\n',
);

const database = new DatabaseSync(':memory:');
beforeAll(() => {
  for (const text of texts.values()) database.exec(text);
});
afterAll(() => database.close());

describe.each([...texts])('%s', (_, text) => {
  const statements = text.replaceAll(/--.*$/gm, '');

  test.each([
    ['rebuilds a table', /__new_|RENAME\s+TO/i],
    ['drops a table or a column', /DROP\s+(TABLE|COLUMN)/i],
    ['switches foreign keys, which D1 ignores', /PRAGMA/i],
    ['deletes rows by themselves', /ON\s+DELETE|ON\s+UPDATE/i],
    ['checks a value', /\bCHECK\b/i],
    ['opens a transaction of its own', /\b(BEGIN|COMMIT)\b/i],
  ])('never %s', (__, forbidden) => {
    expect(statements).not.toMatch(forbidden);
  });

  test('adds no column that the code before it would have to fill', () => {
    const added = [...statements.matchAll(/\bADD\s[^;]*/gi)].map(([column]) => column);
    expect(added.filter((column) => /NOT NULL/i.test(column) && !/DEFAULT/i.test(column))).toEqual([]);
  });
});

test('tables are WITHOUT ROWID where the schema says so, and nowhere else', () => {
  const declared = schema
    .split(/(?=sqliteTable\()/)
    .slice(1)
    .map((text) => ({
      name: /sqliteTable\(\s*'(\w+)'/.exec(text)?.[1] ?? '',
      withoutRowid: text.includes('// WITHOUT ROWID'),
    }));
  const actual = database
    .prepare(
      "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%'",
    )
    .all()
    .map(({ name, wr }) => ({ name, withoutRowid: wr === 1 }));
  const byName = (left: { name: unknown }, right: { name: unknown }) =>
    String(left.name).localeCompare(String(right.name));
  expect(declared.length).toBeGreaterThan(10);
  expect(actual.sort(byName)).toEqual(declared.sort(byName));
});

test('the schema has nothing that no migration brings', async () => {
  // Within the project: drizzle-kit takes relative paths alone.
  const copy = await mkdtemp(`${root}node_modules/.migrations-`);
  try {
    await cp(`${root}migrations`, copy, { recursive: true });
    const out = copy.slice(root.length);
    const { stdout } = await run(
      process.execPath,
      ['node_modules/drizzle-kit/bin.cjs', 'generate', '--dialect', 'sqlite', '--schema', SCHEMA, '--out', out],
      { cwd: root },
    );
    expect(stdout).toContain('No schema changes');
    expect((await readdir(copy)).filter((name) => name.endsWith('.sql')).sort()).toEqual(files);
  } finally {
    await rm(copy, { recursive: true });
  }
});

/** As `npm run migration` has it. */
const SCHEMA = './src/store/schema/*.ts';
