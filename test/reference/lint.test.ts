import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);

/** What the linter says of a document. */
const lint = async (file: string): Promise<string> => {
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', NO_COLOR: '1' };
  const linting = run('node_modules/.bin/redocly', ['lint', file, '--format', 'stylish'], { env });
  const { stdout, stderr } = await linting.catch((failed: { stdout: string; stderr: string }) => failed);
  return stdout + stderr;
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mushu-reference-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('the OpenAPI document passes its linter without an error or a warning', async () => {
  const said = await lint('dist/static/openapi.json');
  expect(said).toContain('Your API description is valid');
  expect(said).not.toMatch(/warning/i);
});

test('a property or a parameter without a description fails the linter', async () => {
  const text = await readFile('dist/static/openapi.json', 'utf8');
  const document = JSON.parse(text, (key, value: Record<string, unknown>) => {
    if (key === 'cron') delete value['description'];
    if (value?.['name'] === 'limit' && value['in'] === 'query') delete value['description'];
    return value;
  }) as object;
  await writeFile(join(folder, 'openapi.json'), JSON.stringify(document));
  const said = await lint(join(folder, 'openapi.json'));
  expect(said).toContain('The property `cron` needs a description');
  expect(said).toMatch(/parameter-description/);
});
