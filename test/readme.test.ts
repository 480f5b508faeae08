import { readFile } from 'node:fs/promises';

import { describe, expect, test } from 'vitest';

import { LINK_ERRORS } from '../src/domain/link.ts';
import { PROBLEM_STATUS } from '../src/http/api/problem-codes.ts';

const read = (path: string): Promise<string> => readFile(new URL(`../${path}`, import.meta.url).pathname, 'utf8');
const readme = await read('README.md');

/** The table whose first row has these columns: its other rows, each a list of cells without their backticks. */
const table = (...columns: string[]): string[][] => {
  const rows = readme.split('\n').map((line) => (line.startsWith('|') ? cells(line) : []));
  const first = rows.findIndex((row) => row.join() === columns.join());
  const rest = rows.slice(first + 2);
  return rest.slice(
    0,
    rest.findIndex((row) => row.length === 0),
  );
};

const cells = (line: string): string[] => {
  const between = line.split('|').slice(1, -1);
  return between.map((cell) => cell.trim().replaceAll('`', ''));
};

describe('the README', () => {
  test('lists every failure code with its status and a remedy, and none that does not exist', () => {
    const rows = table('code', 'status', 'remedy');
    expect(Object.fromEntries(rows.map(([code, status]) => [code, Number(status)]))).toEqual({ ...PROBLEM_STATUS });
    for (const [, , remedy] of rows) expect(remedy).toMatch(/\.$/);
  });

  test('lists every error that a link can end with', () => {
    expect(table('error', 'remedy').map(([error]) => error)).toEqual(Object.keys(LINK_ERRORS));
  });

  test('lists every setting, with its default where that is a plain number', async () => {
    const source = await read('src/config.ts');
    const declared = [...source.matchAll(/^ {2}([A-Z_]{4,}): (?:z|positive).*$/gm)];
    const rows = new Map(table('setting', 'default', 'meaning').map(([name, value]) => [name, value]));
    expect(new Set(rows.keys())).toEqual(new Set(declared.map(([, name]) => name)));
    for (const [line, name] of declared) {
      const value = /default\((\d+)\)/.exec(line)?.[1];
      if (value !== undefined) expect(rows.get(name), name).toBe(value);
    }
  });

  test('names no npm script that does not exist', async () => {
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };
    const named = [...readme.matchAll(/npm (?:run )?(dev|demo|deploy|test|check|format|migration|[a-z]+)\b/g)];
    for (const [, name = ''] of named) {
      if (!['ci', 'install', 'run', 'and', 'script'].includes(name)) expect(Object.keys(scripts)).toContain(name);
    }
    expect(named.length).toBeGreaterThan(5);
  });
});
