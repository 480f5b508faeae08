import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

test('npm run demo prints each step, a table of weigh-ins, and one that came by itself', async () => {
  const cwd = fileURLToPath(import.meta.resolve('../..'));
  const { stdout, stderr } = await promisify(execFile)('npm', ['run', '--silent', 'demo'], { cwd });
  expect(stdout.match(/^\d\. /gm)).toEqual(['1. ', '2. ', '3. ', '4. ', '5. ', '6. ', '7. ']);
  expect(stdout).toContain('Location: womoji://withings/success');
  expect(stdout).toMatch(/measured at +weight \(kg\) +bmi \(kg\/m²\) +fat_ratio \(%\) +muscle_mass \(kg\)/);
  expect(stdout.match(/^ +\d{4}-\d\d-\d\dT\S+( +\d+\.\d\d){4}$/gm)?.length).toBeGreaterThanOrEqual(7);
  expect(stdout).toMatch(/\/latest -> 61\.7 kg, after \d+\.\d s$/m);
  // Its broker is gone with all that it kept; what is left is what it printed.
  expect(stdout + stderr).not.toMatch(/mushu_(key|operator)_|code=[0-9a-f]{13}|[0-9a-f]{40}|eyJ[\w-]{20}/);
});
