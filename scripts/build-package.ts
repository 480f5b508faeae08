import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { build } from 'esbuild';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const at = (path: string): string => join(root, path);

/** The fields of `package.json` that both packages share. */
type Manifest = Record<'name' | 'version' | 'description' | 'license' | 'repository' | 'bugs' | 'homepage', unknown>;

/**
 * Builds the published package in a folder. It holds `mushu` as one file and the client as modules with their types,
 * and depends on nothing. The repository's own `dependencies` are what the Worker imports.
 */
export const buildPackage = async (into: string): Promise<void> => {
  const manifest = JSON.parse(await readFile(at('package.json'), 'utf8')) as Manifest;
  await mkdir(into, { recursive: true });
  await Promise.all([buildCli(into, String(manifest.version)), buildClient(into)]);
  await writeManifest(into, manifest);
};

const buildCli = async (into: string, version: string): Promise<void> => {
  await build({
    entryPoints: [at('src/cli/main.ts')],
    outfile: join(into, 'cli/mushu.js'),
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    define: { 'process.env.MUSHU_BUILD_VERSION': JSON.stringify(version) },
  });
};

/** The compiler also writes the contract's files. The declarations do not refer to them, so they are deleted. */
const buildClient = async (into: string): Promise<void> => {
  const compiled = join(into, 'compiled');
  await run(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', at('src/client'), '--outDir', compiled]);
  await rm(join(into, 'client'), { recursive: true, force: true });
  await rename(join(compiled, 'client'), join(into, 'client'));
  await rm(compiled, { recursive: true });
};

const writeManifest = async (into: string, manifest: Manifest): Promise<void> => {
  const { name, version, description, license, repository, bugs, homepage } = manifest;
  const published = {
    name,
    version,
    description,
    keywords: ['withings', 'oauth', 'health', 'cli'],
    license,
    repository,
    bugs,
    homepage,
    type: 'module',
    sideEffects: false,
    bin: { mushu: 'cli/mushu.js' },
    files: ['cli', 'client'],
    exports: {
      './client': { types: './client/index.d.ts', default: './client/index.js' },
      './client/*': { types: './client/*.d.ts', default: './client/*.js' },
    },
    engines: { node: '>=22' },
    publishConfig: { access: 'public' },
  };
  await writeFile(join(into, 'package.json'), `${JSON.stringify(published, undefined, 2)}\n`);
  await copyFile(at('LICENSE'), join(into, 'LICENSE'));
  await copyFile(at('src/client/README.md'), join(into, 'README.md'));
};
