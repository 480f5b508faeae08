import { execFile } from 'node:child_process';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { build } from 'esbuild';

/** `npm run build`: what the package holds. `mushu` as one file, and the client as modules with their types. */

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const at = (path: string): string => join(root, path);

const buildCli = async (): Promise<void> => {
  const { version } = JSON.parse(await readFile(at('package.json'), 'utf8')) as { version: string };
  await build({
    entryPoints: [at('src/cli/main.ts')],
    outfile: at('dist/cli/mushu.js'),
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    define: { 'process.env.MUSHU_BUILD_VERSION': JSON.stringify(version) },
  });
};

/** The compiler also writes the contract that the client takes its types from. Nothing refers to it, and it is not kept. */
const buildClient = async (): Promise<void> => {
  await run(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', at('src/client')]);
  await rm(at('dist/client'), { recursive: true, force: true });
  await rename(at('dist/compiled/client'), at('dist/client'));
  await rm(at('dist/compiled'), { recursive: true });
};

await Promise.all([buildCli(), buildClient()]);
