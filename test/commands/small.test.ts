import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { SMALL } from './small.ts';

const root = new URL('../..', import.meta.url).pathname;

test.concurrent.for(SMALL)('$command does what it says, in small', async ({ args }, { onTestFinished }) => {
  const folder = await mkdtemp(join(tmpdir(), 'mushu-small-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const given = args.map((arg) => arg.replace('DIR', folder));
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', ...given], { cwd: root });
  expect(stdout.length).toBeGreaterThan(50);
});
