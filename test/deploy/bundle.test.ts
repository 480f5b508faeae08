import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, onTestFinished, test } from 'vitest';

import { wranglerEnvironment, wranglerProgram } from '../../scripts/dev/children.ts';

const MOST_GZIPPED_KIB = 200;

test('what is deployed stays within 200 KiB, gzipped', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mushu-bundle-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [wranglerProgram, 'deploy', '--dry-run', '--outdir', folder],
    { env: { ...process.env, ...wranglerEnvironment(folder) } },
  );
  const gzippedKiB = Number(/gzip: ([\d.]+) KiB/.exec(stdout)?.[1]);
  console.log(`everything that is uploaded: ${gzippedKiB} KiB gzipped`);
  expect(gzippedKiB).toBeLessThanOrEqual(MOST_GZIPPED_KIB);
});
