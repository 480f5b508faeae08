/**
 * `npm run build`: the package that is published, in `dist`. It holds `mushu` as one file and the client as modules with their types, and
 * depends on nothing: the repository's own `dependencies` are what the Worker imports.
 */
import './help.ts';
import { execFile } from 'node:child_process';
import { copyFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { build } from 'esbuild';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const at = (path: string): string => join(root, path);

/** The fields of `package.json` that both packages share. */
type Manifest = Record<'name' | 'version' | 'description' | 'license' | 'repository' | 'bugs' | 'homepage', unknown>;
const manifest = JSON.parse(await readFile(at('package.json'), 'utf8')) as Manifest;

const buildCli = async (): Promise<void> => {
  await build({
    entryPoints: [at('src/cli/main.ts')],
    outfile: at('dist/cli/mushu.js'),
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    define: { 'process.env.MUSHU_BUILD_VERSION': JSON.stringify(manifest.version) },
  });
};

/** The compiler also writes the contract's files. The declarations do not refer to them, so they are deleted. */
const buildClient = async (): Promise<void> => {
  await run(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', at('src/client')]);
  await rm(at('dist/client'), { recursive: true, force: true });
  await rename(at('dist/compiled/client'), at('dist/client'));
  await rm(at('dist/compiled'), { recursive: true });
};

const writeManifest = async (): Promise<void> => {
  const { name, version, description, license, repository, bugs, homepage } = manifest;
  const published = {
    name,
    version,
    description,
    license,
    repository,
    bugs,
    homepage,
    type: 'module',
    sideEffects: false,
    bin: { mushu: 'cli/mushu.js' },
    files: ['cli', 'client'],
    exports: { './client/*': { types: './client/*.d.ts', default: './client/*.js' } },
    engines: { node: '>=22' },
  };
  await writeFile(at('dist/package.json'), `${JSON.stringify(published, undefined, 2)}\n`);
  await copyFile(at('LICENSE'), at('dist/LICENSE'));
  await copyFile(at('src/client/README.md'), at('dist/README.md'));
};

await Promise.all([buildCli(), buildClient()]);
await writeManifest();
