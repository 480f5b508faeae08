import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';

import { expect, onTestFinished, test } from 'vitest';

import { wranglerEnvironment, wranglerProgram } from '../../scripts/dev/children.ts';

const MOST_GZIPPED_BYTES = 200 * 1024;

test('what is deployed stays within 200 KiB, gzipped', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mushu-bundle-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await promisify(execFile)(process.execPath, [wranglerProgram, 'deploy', '--dry-run', '--outdir', folder], {
    env: { ...process.env, ...wranglerEnvironment(folder) },
  });
  const bundle = await readFile(join(folder, 'worker.js'));
  const gzipped = gzipSync(bundle).length;
  console.log(`bundle: ${(bundle.length / 1024).toFixed(0)} KiB, ${(gzipped / 1024).toFixed(1)} KiB gzipped`);
  expect(gzipped).toBeLessThanOrEqual(MOST_GZIPPED_BYTES);
});
