import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/**
 * The import table, as the linter enforces it: a copy of its configuration over a tree of planted files, of which each
 * imports one thing.
 */

const root = new URL('..', import.meta.url).pathname;

/** What each folder may not import, and the words that say so. */
const FORBIDDEN: [file: string, imports: string, message: string][] = [
  ['src/domain/a.ts', '../store/d1.ts', 'domain/ holds rules and types'],
  ['src/domain/b.ts', '../crypto/seal.ts', 'domain/ holds rules and types'],
  ['src/domain/c.ts', 'node:fs', 'The Worker has no Node APIs'],
  ['src/withings/a.ts', '../domain/result.ts', 'withings/ is a client'],
  ['src/withings/b.ts', '../config.ts', 'withings/ is a client'],
  ['src/crypto/a.ts', '../store/d1.ts', 'crypto/ seals'],
  ['src/crypto/b.ts', '../withings/client.ts', 'crypto/ seals'],
  ['src/store/a.ts', '../broker/sync.ts', 'store/ is D1 and KV'],
  ['src/store/b.ts', '../withings/client.ts', 'store/ is D1 and KV'],
  ['src/store/c.ts', '../crypto/seal.ts', 'store/ is D1 and KV'],
  ['src/broker/a.ts', '../http/app.ts', 'broker/ holds use cases'],
  ['src/broker/b.ts', '../compose.ts', 'broker/ holds use cases'],
  ['src/http/a.ts', '../store/d1.ts', 'http/ is an entrance'],
  ['src/http/api/b.ts', '../../withings/client.ts', 'http/ is an entrance'],
  ['src/http/dashboard/pages/c.tsx', '../../../crypto/seal.ts', 'http/ is an entrance'],
  ['src/simulator/a.ts', '../domain/result.ts', 'simulator/ is a Withings of its own'],
  ['src/simulator/measures/b.ts', '../../withings/client.ts', 'simulator/ is a Withings of its own'],
  ['src/cli/a.ts', '../broker/sync.ts', 'cli/ is a client of the HTTP API'],
  ['src/cli/b.ts', '../http/app.ts', 'cli/ is a client of the HTTP API'],
  ['src/client/a.ts', '../domain/result.ts', 'client/ knows the server by its contract'],
  ['src/cli/c.ts', '../http/api/apps/render.ts', 'cli/ is a client of the HTTP API'],
  ['src/domain/metrics/d.ts', '../../store/d1.ts', 'domain/ holds rules and types'],
  ['src/broker/link/c.ts', '../../cron.ts', 'broker/ holds use cases'],
  ['src/store/sync/d.ts', '../../broker/sync/sync.ts', 'store/ is D1 and KV'],
  ['src/client/b.ts', '../http/api/apps/contract.ts', 'client/ imports types only'],
  ['src/client/c.ts', 'node:fs', 'client/ knows the server by its contract'],
  ['src/client/d.ts', 'hono', 'client/ knows the server by its contract'],
  ['src/client/e.ts', '../http/api/apps/render.ts', 'client/ knows the server by its contract'],
  ['src/client/f.ts', 'zod', 'client/ imports types only'],
  ['src/cron.ts', 'node:fs', 'The Worker has no Node APIs'],
];

const ALLOWED: [file: string, imports: string][] = [
  ['src/client/y.ts', './send.ts'],
  ['src/domain/y.ts', './result.ts'],
  ['src/withings/y.ts', './wire.ts'],
  ['src/crypto/y.ts', '../domain/result.ts'],
  ['src/store/y.ts', '../domain/result.ts'],
  ['src/broker/w.ts', '../domain/result.ts'],
  ['src/broker/x.ts', '../crypto/seal.ts'],
  ['src/broker/y.ts', '../withings/client.ts'],
  ['src/broker/z.ts', '../store/d1.ts'],
  ['src/http/y.ts', '../broker/sync.ts'],
  ['src/http/api/z.ts', '../../domain/result.ts'],
  ['src/simulator/y.ts', '../withings/wire.ts'],
  ['src/cli/x.ts', '../client/send.ts'],
  ['src/cli/y.ts', '../http/api/apps/contract.ts'],
  ['src/cli/w.ts', '../http/api/schemas.ts'],
  ['src/domain/metrics/y.ts', '../result.ts'],
  ['src/broker/tokens/y.ts', '../sync/sync.ts'],
  ['src/cli/z.ts', 'node:fs'],
];

type Diagnostic = { message: string; help?: string; code: string; filename: string };

let tree: string;
let diagnostics: Diagnostic[];

beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'layers-'));
  await cp(join(root, 'oxlint.config.ts'), join(tree, 'oxlint.config.ts'));
  await symlink(join(root, 'node_modules'), join(tree, 'node_modules'));
  for (const [file, imports] of [...FORBIDDEN, ...ALLOWED]) {
    await mkdir(dirname(join(tree, file)), { recursive: true });
    await writeFile(join(tree, file), `import { thing } from '${imports}';\n\nexport const used = thing;\n`);
  }
  diagnostics = await lint();
});
afterAll(() => rm(tree, { recursive: true }));

/** The linter's findings; that it finds any makes it end with an error. */
const lint = async (): Promise<Diagnostic[]> => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const binary = join(root, 'node_modules/oxlint/bin/oxlint');
  execFile(process.execPath, [binary, '--format', 'json'], { cwd: tree }, (_, stdout) => resolve(stdout));
  return (JSON.parse(await promise) as { diagnostics: Diagnostic[] }).diagnostics;
};

const findingsOf = (file: string) => diagnostics.filter(({ filename }) => filename.endsWith(file));

describe('an import that crosses a layer turns the linter red:', () => {
  test.each(FORBIDDEN)('%s of %s', (file, _, message) => {
    const found = findingsOf(file);
    expect(found).toHaveLength(1);
    expect(found[0]?.code).toContain('no-restricted-imports');
    expect(`${found[0]?.message} ${found[0]?.help}`).toContain(message);
  });
});

describe('an import within the table is let through:', () => {
  test.each(ALLOWED)('%s of %s', (file) => {
    expect(findingsOf(file)).toEqual([]);
  });
});

test.each(['src/domain/g.ts', 'src/worker.ts', 'src/http/g.ts'])(
  'a global of Node in %s turns it red too',
  async (file) => {
    await writeFile(join(tree, file), 'export const planted = [process.env, Buffer.from("a")];\n');
    diagnostics = await lint();
    expect(findingsOf(file).map(({ code }) => code)).toEqual(
      Array.from({ length: 2 }, () => expect.stringContaining('no-restricted-globals')),
    );
  },
);

test('a circle of type imports turns it red', async () => {
  for (const [file, other] of [
    ['one', 'two'],
    ['two', 'one'],
  ] as const) {
    const text = `import type { ${other} } from './${other}.ts';\n\nexport type ${file} = ${other} | undefined;\n`;
    await writeFile(join(tree, `src/domain/${file}.ts`), text);
  }
  diagnostics = await lint();
  expect(findingsOf('src/domain/one.ts').map(({ code }) => code)).toEqual([expect.stringContaining('no-cycle')]);
});

test.each(['src/broker', 'src/store', 'src/http/api'])('%s has at most 16 entries at its top', async (folder) => {
  expect((await readdir(join(root, folder))).length).toBeLessThanOrEqual(16);
});

test('and one that the types of Workers do not have does not compile there', async () => {
  // Not in `src`: `npm run check` may be reading it.
  await mkdir(join(root, 'dist'), { recursive: true });
  const folder = await mkdtemp(join(root, 'dist', 'planted-'));
  try {
    await writeFile(join(folder, 'a.ts'), 'export const planted = __dirname;\n');
    const config = join(folder, 'tsconfig.json');
    await writeFile(config, JSON.stringify({ extends: '../../tsconfig.worker.json', include: ['a.ts'] }));
    const { promise, resolve } = Promise.withResolvers<string>();
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    execFile(process.execPath, [tsc, '-p', config], { cwd: root }, (_, stdout) => resolve(stdout));
    expect(await promise).toContain("Cannot find name '__dirname'");
  } finally {
    await rm(folder, { recursive: true });
  }
});
