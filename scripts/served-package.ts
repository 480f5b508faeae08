import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { buildPackage } from './build-package.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

/** What the package is made of. The linter keeps the command line and the client from importing anything else. */
const SOURCES = [
  'package.json',
  'LICENSE',
  'scripts/{build,served}-package.ts',
  'src/{cli,client,crypto,domain}/**',
  'src/http/api/**',
];

/**
 * Makes the package as a file that the broker serves, so that `npm install` takes it from there: `mushu` and the client
 * of the very version that runs. Takes seconds, so an unchanged one stays.
 */
export const writeServedPackage = async (file: string): Promise<void> => {
  const fingerprint = fingerprintOf(SOURCES);
  const noted = join(dist, 'served-package');
  const isPresent = await readFile(file).then(
    () => true,
    () => false,
  );
  if (isPresent && (await readFile(noted, 'utf8').catch(() => '')) === fingerprint) return;
  const folder = await mkdtemp(join(dist, 'package-'));
  try {
    await buildPackage(folder);
    const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: folder,
    });
    const [packed] = JSON.parse(stdout) as { filename: string }[];
    await rename(join(folder, packed?.filename ?? ''), file);
    await writeFile(noted, fingerprint);
  } finally {
    await rm(folder, { recursive: true });
  }
};

const fingerprintOf = (patterns: readonly string[]): string => {
  const hash = createHash('sha256');
  for (const name of globSync(patterns, { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()) {
    hash.update(name.slice(root.length)).update('\0').update(readFileSync(name)).update('\0');
  }
  return hash.digest('hex');
};
