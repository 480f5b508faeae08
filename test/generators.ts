/**
 * `npm run generators`: two independent generators make a client each from the OpenAPI document. Both compile with
 * `strict`, and complete the flow with a broker on this machine. They are installed in a folder of their own, because
 * they need another TypeScript than this project has; so this needs the npm registry, and is no part of `npm test`.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { buildSync } from 'esbuild';

import { spawnDev } from '../scripts/dev/spawn.ts';
import { walk } from './e2e/client.ts';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'mushu-generators-'));
const run = (program: string, ...args: string[]): void => {
  console.log(`- ${basename(program)} ${basename(args[0] ?? '')}`);
  execFileSync(program, args, { cwd: folder, stdio: ['ignore', process.stderr, 'inherit'] });
};
const installed = (name: string): string => join(folder, 'node_modules/.bin', name);

try {
  cpSync(join(root, 'test/fixtures/generators'), folder, { recursive: true });
  execFileSync(process.execPath, [join(root, 'scripts/static-files.ts')]);
  cpSync(join(root, 'dist/static/openapi.json'), join(folder, 'openapi.json'));
  run('npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent');
  run(installed('openapi-typescript'), 'openapi.json', '-o', 'generated/openapi.d.ts');
  run(installed('openapi-ts'), '-i', 'openapi.json', '-o', 'generated/hey', '-c', '@hey-api/client-fetch');
  run(installed('tsc'), '-p', '.');
  const args = ['--state', join(folder, 'state'), '--port', '0', '--simulator-port', '0'];
  const { ready, stop } = await spawnDev(['npm', 'run', '--silent', 'dev', '--'], args);
  try {
    for (const name of ['by-openapi-typescript', 'by-hey-api']) {
      await walk(ready, { userId: name });
      const outfile = join(folder, `${name}.js`);
      buildSync({ entryPoints: [join(folder, `${name}.ts`)], bundle: true, platform: 'node', format: 'esm', outfile });
      run(process.execPath, outfile, ready.url, ready.app_id, ready.api_key, name);
    }
  } finally {
    await stop();
  }
  console.log('Both generated clients compile and complete the flow.');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
