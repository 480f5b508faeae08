import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { withEnvironment } from '../support/worker-in-node.ts';

/** What would be uploaded, as wrangler builds it. */

const MOST_GZIPPED_KIB = 256;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mushu-bundle-'));
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_LOG_PATH: join(folder, 'logs') };
  const args = ['deploy', '--dry-run', '--outdir', join(folder, 'out'), '--metafile', join(folder, 'meta.json')];
  await promisify(execFile)('node_modules/.bin/wrangler', args, { env });
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

test('the Worker with all that it serves is at most 256 KiB gzipped', async () => {
  const files = (await readdir(join(folder, 'out'))).filter((name) => !/\.map$|README/.test(name));
  const sizes = await Promise.all(
    files.map(async (name) => gzipSync(await readFile(join(folder, 'out', name))).length),
  );
  const kib = sizes.reduce((sum, size) => sum + size, 0) / 1024;
  expect(kib).toBeGreaterThan(50);
  expect(kib).toBeLessThan(MOST_GZIPPED_KIB);
});

test('the Worker carries no generator of the reference, no simulator and no script', async () => {
  const meta = JSON.parse(await readFile(join(folder, 'meta.json'), 'utf8')) as { inputs: Record<string, unknown> };
  const inputs = Object.keys(meta.inputs);
  expect(inputs).toContain('src/worker.ts');
  expect(inputs.filter((path) => /http\/api\/reference\/|simulator|scripts\//.test(path))).toEqual([]);
});

test('the Worker parses its settings when it is evaluated, ahead of its first request', async () => {
  const noted = '(globalThis.asked = [], new Proxy({}, { get: (_, name) => void asked.push(String(name)) }))';
  const worker = JSON.stringify(join(folder, 'out/worker.js'));
  const program = `${withEnvironment(noted)} await import(${worker}); console.log(JSON.stringify(asked));`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(JSON.parse(stdout)).toEqual(expect.arrayContaining(['KEYRING', 'OPERATOR_TOKEN', 'PLAN']));
});
