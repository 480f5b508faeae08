import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

const run = promisify(execFile);

test('the OpenAPI document passes its linter without an error or a warning', async () => {
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', NO_COLOR: '1' };
  const linted = await run('node_modules/.bin/redocly', ['lint', 'dist/static/openapi.json'], { env });
  expect(linted.stdout + linted.stderr).toContain('Your API description is valid');
  expect(linted.stdout + linted.stderr).not.toMatch(/warning/i);
});
