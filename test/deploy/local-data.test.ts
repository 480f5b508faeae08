import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { importLocalData, insertsOf, readLocalData } from '../../scripts/deploy/local-data.ts';
import { localBroker } from './local-broker.ts';

const emptyFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'mushu-local-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
};

/** Imports into a deployed database that holds apps or accounts of these ids; what was said, and what was executed there. */
const importInto = async (present: string[]) => {
  const folder = emptyFolder();
  const executed: string[] = [];
  const files: string[] = [];
  const wrangler = async (args: string[]): Promise<string> => {
    const file = args[args.indexOf('--file') + 1];
    if (args.includes('--file') && file !== undefined) {
      files.push(file);
      executed.push(readFileSync(file, 'utf8'));
    }
    return JSON.stringify([{ results: present.map((id) => ({ id })), success: true }]);
  };
  const said = importLocalData(wrangler, {
    config: 'wrangler.json',
    folder: localBroker(join(folder, 'local')),
    withPeople: false,
  });
  return { said: await said.catch((error: unknown) => String(error)), executed, files };
};

test('people and the demo app stay on the developer’s machine', () => {
  const local = readLocalData(localBroker(emptyFolder()), false);
  expect(local.tables['apps']).toMatchObject([{ id: 'app_own' }]);
  expect(local.tables['api_keys']).toMatchObject([{ app_id: 'app_own' }]);
  expect(local.stay).toBe(2);
  expect(Object.keys(local.tables)).toEqual(['accounts', 'access_tokens', 'apps', 'redirect_uris', 'api_keys']);
  expect(insertsOf(local)).toContain(`'Womoji''s'`);
  expect(insertsOf(local)).not.toContain('app_demo');
});

test('people come along where they are asked for, with what was measured, but not those of the demo app', () => {
  const local = readLocalData(localBroker(emptyFolder()), true);
  expect(local.tables['connections']).toMatchObject([{ id: 2, app_id: 'app_own', user_id: 'grace' }]);
  expect(local.tables['measurements']).toMatchObject([{ connection_id: 2, value: 71.25 }]);
  expect(local.stay).toBe(1);
  expect(insertsOf(local)).toContain('"activity"');
});

test('a deployed database that holds something else is left alone', async () => {
  const { said, executed } = await importInto(['app_of_somebody', 'app_own_not']);
  expect(said).toContain('holds other apps or accounts');
  expect(executed).toEqual([]);
});

test('local data that is there already is not carried over twice', async () => {
  const { said, executed } = await importInto(['app_own', 'app_made_since']);
  expect(said).toContain('carried over already');
  expect(executed).toEqual([]);
});

test('an empty database takes it, in one file, which is deleted afterwards', async () => {
  const { said, executed, files } = await importInto([]);
  expect(files.filter(existsSync)).toEqual([]);
  expect(said).toContain('apps 1, redirect_uris 1, api_keys 1; connections that stay: 2');
  expect(executed).toHaveLength(1);
});

test('a folder without a local broker is said to have none', () => {
  expect(() => readLocalData(emptyFolder(), false)).toThrow('holds no local broker');
});
