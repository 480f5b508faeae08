import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

const root = new URL('..', import.meta.url).pathname;

test('npm run check finds no fault', async () => {
  const faults = await promisify(execFile)('npm', ['run', '--silent', 'check'], { cwd: root }).then(
    () => 'none',
    ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr,
  );
  expect(faults).toBe('none');
});
