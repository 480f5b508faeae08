import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';
import type * as z from 'zod';

import { readProject } from '../../scripts/deploy/config-file.ts';
import { findExistingResources } from '../../scripts/deploy/resources.ts';
import { isWellFormedCredential } from '../../src/crypto/credential.ts';
import { parseKeyring } from '../../src/crypto/keyring.ts';

/** The Deploy to Cloudflare button reads files of the repository: they have to say the same. */

const read = (name: string): string => readFileSync(join(import.meta.dirname, '../..', name), 'utf8');
const project = readProject({});
const { cloudflare, scripts } = JSON.parse(read('package.json')) as {
  cloudflare: { bindings: Record<string, { description: string }> };
  scripts: Record<string, string>;
};

const examples = read('.dev.vars.example')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split('=', 2));

test('it asks for the secrets that the Worker needs, and suggests no value that somebody would keep', () => {
  expect(examples).toEqual(project.secrets.required.map((name) => [name, '']));
});

test('it explains everything that it asks for', () => {
  const asked = [...project.secrets.required, ...Object.keys(project.vars), 'DB', 'LINKS'];
  expect(Object.keys(cloudflare.bindings).sort()).toEqual(asked.sort());
});

test('it deploys with the script that migrates first', () => {
  expect(scripts['deploy']).toMatch(/^node .*scripts\/deploy\.ts$/);
});

/** The command in a description, and what it prints. */
const commandFor = (name: string): string =>
  /Make it with `(.*)`$/.exec(cloudflare.bindings[name]?.description ?? '')?.[1] ?? '';
const made = (name: string): string => execFileSync('sh', ['-c', commandFor(name)], { encoding: 'utf8' });

test('the commands that it shows make secrets that the Worker takes', async () => {
  expect(parseKeyring(made('KEYRING'))).toMatchObject({ ok: true });
  expect(await isWellFormedCredential('operator', made('OPERATOR_TOKEN'))).toBe(true);
  expect(made('KEYRING')).not.toBe(made('KEYRING'));
  for (const name of ['KEYRING', 'OPERATOR_TOKEN']) expect(read('docs/deploying.md')).toContain(commandFor(name));
});

test('the ids that it writes into the configuration are believed, and none is searched by name', async () => {
  const rewritten = {
    ...project,
    d1_databases: [{ ...project.d1_databases[0], database_name: 'theirs', database_id: 'db-1' }] satisfies [object],
    kv_namespaces: [{ ...project.kv_namespaces[0], id: 'kv-1' }] satisfies [object],
  };
  const asked: string[] = [];
  const cloudflare = {
    get: async <Value>(path: string, schema: z.ZodType<Value>): Promise<Value> => {
      asked.push(path);
      if (path.includes('edge')) throw new Error('This Worker does not exist on your account. [code: 10007]');
      return schema.parse([{ name: 'KEYRING', type: 'secret_text' }]);
    },
    list: async () => Promise.reject(new Error('searched by name')),
  };
  expect(await findExistingResources(cloudflare, rewritten, undefined)).toEqual({
    databaseId: 'db-1',
    namespaceId: 'kv-1',
    secretNames: ['KEYRING'],
    frontSecretNames: undefined,
  });
  expect(asked).toEqual(['/workers/scripts/mushu-health/secrets', '/workers/scripts/mushu-health-edge/secrets']);
});
