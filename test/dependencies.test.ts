import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { build } from 'esbuild';
import { expect, test } from 'vitest';

/** What others have written and we run: exactly what was reviewed, or nothing. */

type Locked = { version?: string; resolved?: string; integrity?: string; hasInstallScript?: boolean };

type Manifest = {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
};

const read = (name: string): unknown => JSON.parse(readFileSync(join(import.meta.dirname, '..', name), 'utf8'));
const manifest = read('package.json') as Manifest;
const { packages } = read('package-lock.json') as { packages: Record<string, Locked> };
const installed = Object.entries(packages).filter(([path]) => path !== '');

test('a dependency that was taken over is not picked up: each is asked for in one exact version', () => {
  const asked = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(asked.length).toBeGreaterThan(20);
  for (const [name, version] of asked) expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
});

test('and each that comes with it is locked to one file, by its hash', () => {
  expect(installed.length).toBeGreaterThan(200);
  for (const [path, { version, resolved, integrity }] of installed) {
    expect(version, path).toMatch(/^\d+\.\d+\.\d+/);
    // Where it comes from is the user's registry to say; what it must be is not.
    expect(resolved ?? 'https://registry.npmjs.org/', path).toMatch(/^https:\/\/registry\.npmjs\.org\//);
    expect(integrity, path).toMatch(/^sha512-/);
  }
});

test('none runs a script when it is installed, but those that are named', () => {
  const running = installed
    .filter(([, { hasInstallScript }]) => hasInstallScript === true)
    .map(([path]) => path.replace(/^.*node_modules\//, ''));
  const allowed = Object.entries(manifest.allowScripts).flatMap(([name, isAllowed]) => (isAllowed ? [name] : []));
  expect(new Set(running.filter((name) => !allowed.includes(name)))).toEqual(new Set());
});

test('the dependencies are what the Worker imports: `npm ci --omit=dev` installs that and nothing more', async () => {
  const { metafile } = await build({
    entryPoints: [join(import.meta.dirname, '../src/worker.ts')],
    bundle: true,
    packages: 'external',
    format: 'esm',
    write: false,
    metafile: true,
    loader: { '.css': 'text' },
  });
  const imported = Object.values(metafile.outputs)
    .flatMap(({ imports }) => imports)
    .filter(({ path }) => !path.startsWith('cloudflare:'))
    .flatMap(({ path }) => /^(?:@[\w-]+\/)?[\w.-]+/.exec(path) ?? []);
  expect([...new Set(imported)].sort()).toEqual(Object.keys(manifest.dependencies).sort());
});
