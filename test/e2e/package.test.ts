import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { ready } from './shared.ts';

/** The package that is published: packed from `dist`, and installed by npm into a project that has nothing else. */

const run = promisify(execFile);
const root = new URL('../..', import.meta.url).pathname;
const dist = join(root, 'dist');
let folder: string;
let packed: { filename: string; files: { path: string; size: number }[] };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mushu-package-'));
  const pack = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: dist });
  [packed] = JSON.parse(pack.stdout) as [typeof packed];
  await writeFile(join(folder, 'package.json'), '{ "type": "module", "private": true }');
  // A dependency would have to be fetched, which `--offline` forbids.
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', packed.filename], { cwd: folder });
});
afterAll(() => rm(folder, { recursive: true }));

test('it holds the built command and the client with its types, and runs nothing when it is installed', async () => {
  const paths = packed.files.map(({ path }) => path);
  const modules = [
    'accounts',
    'connections',
    'contract',
    'index',
    'management',
    'metrics',
    'pages',
    'send',
    'webhooks',
  ];
  expect(paths.sort()).toEqual(
    [
      'LICENSE',
      'README.md',
      'package.json',
      'cli/mushu.js',
      ...modules.flatMap((name) => [`client/${name}.d.ts`, `client/${name}.js`]),
    ].sort(),
  );
  const manifest = JSON.parse(await readFile(join(dist, 'package.json'), 'utf8')) as Record<string, unknown>;
  expect(manifest).toMatchObject({ name: 'mushu-health', version: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
  for (const field of ['scripts', 'dependencies', 'private']) expect(manifest).not.toHaveProperty(field);
});

test('its command runs by its own name and by the package’s, and is not so long that starting takes noticeable time', async () => {
  for (const name of ['mushu', 'mushu-health']) {
    const { stdout } = await run('npx', ['--offline', '--no', name, '--version'], { cwd: folder });
    expect(stdout, name).toMatch(/^\d+\.\d+\.\d+\n$/);
  }
  // Node reads about 10 MB of it a second.
  expect(packed.files.find(({ path }) => path === 'cli/mushu.js')?.size).toBeLessThan(1_100_000);
});

const CONSUMER = `
import { getStatus, linkUrl } from 'mushu-health/client/connections';
import { updateApp } from 'mushu-health/client/management';
import { listMetrics, pages } from 'mushu-health/client';
import type { Answer, Broker } from 'mushu-health/client/send';

export const connected = async (broker: Broker, app: string, user: string): Promise<boolean> => {
  const answer: Answer<{ connected: boolean }> = await getStatus(broker, app, user);
  if (answer.ok) return answer.value.connected;
  if (answer.failure.kind === 'problem' && answer.failure.code === 'app_not_found') return false;
  // @ts-expect-error there is no such code
  if (answer.failure.kind === 'problem' && answer.failure.code === 'app_lost') return false;
  throw new Error(answer.failure.kind);
};
export const weights = async (broker: Broker): Promise<number[]> => {
  const page = await listMetrics(broker, 'app', 'ada', { metric: 'weight', order: 'asc' });
  // @ts-expect-error an answer may be a failure
  page.value;
  return page.ok ? page.value.data.map(({ value }) => value) : [];
};
export const allWeights = async (broker: Broker): Promise<number[]> => {
  const found: number[] = [];
  for await (const page of pages((cursor) => listMetrics(broker, 'app', 'ada', { metric: 'weight', cursor }))) {
    if (page.ok) found.push(...page.value.data.map(({ value }) => value));
  }
  return found;
};
// @ts-expect-error there is no such policy
export const changed = (broker: Broker) => updateApp(broker, 'app', { link_policy: 'none' });
export const link: string = linkUrl({ url: 'https://broker.example.com' }, 'app', { userId: 'ada', redirectUri: 'a:/b' });
`;

test.each([
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
])('a strict project compiles against its types ($moduleResolution), without zod or types of Node', async (options) => {
  const project = join(folder, options.moduleResolution);
  await mkdir(project);
  await writeFile(join(project, 'consumer.ts'), CONSUMER);
  const compilerOptions = {
    ...options,
    strict: true,
    noEmit: true,
    types: [],
    lib: ['es2022', 'dom'],
    skipLibCheck: false,
  };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  await expect(run(process.execPath, [tsc, '-p', project])).resolves.toMatchObject({ stdout: '' });
});

test('the broker serves the same, of the version that it runs, and an empty folder takes it by npm', async () => {
  const url = `${ready.url}/mushu.tgz`;
  const empty = await mkdtemp(join(tmpdir(), 'mushu-served-'));
  onTestFinished(() => rm(empty, { recursive: true }));
  const env = { ...process.env, npm_config_cache: join(empty, 'cache'), npm_config_prefix: join(empty, 'global') };
  const npm = (...args: string[]) => run('npm', [...args, '--no-audit', '--no-fund'], { cwd: empty, env });
  const document = (await (await fetch(`${ready.url}/openapi.json`)).json()) as { info: { version: string } };

  await npm('install', '--global', url);
  const { stdout } = await run(join(empty, 'global/bin/mushu'), ['--version'], { cwd: empty });
  expect(stdout.trim()).toBe(document.info.version);
  expect((await run('npx', ['--yes', url, '--version'], { cwd: empty, env })).stdout).toBe(stdout);

  await npm('install', url);
  const program = `import { getHealth } from 'mushu-health/client';
    console.log((await getHealth({ url: '${ready.url}', credential: undefined })).value.ok);`;
  const called = await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: empty });
  expect(called.stdout).toBe('true\n');
  const installed = await readdir(join(empty, 'node_modules'));
  expect(installed.filter((name) => !name.startsWith('.'))).toEqual(['mushu-health']);
});

test('Node imports the client from it, and calls a broker', async () => {
  const program = `
    import { getHealth } from 'mushu-health/client/management';
    const answer = await getHealth({ url: '${ready.url}', credential: undefined });
    console.log(JSON.stringify([answer.status, answer.value.ok]));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: folder });
  expect(stdout).toBe('[200,true]\n');
});

test.each(['mushu-health/client', 'mushu-health/client/connections'])(
  'a bundle of %s holds the functions that are used, and no others',
  async (from) => {
    const { build } = await import('esbuild');
    const bundled = await build({
      stdin: { contents: `export { getStatus } from '${from}';`, resolveDir: folder },
      bundle: true,
      format: 'esm',
      write: false,
    });
    const [{ text } = { text: '' }] = bundled.outputFiles;
    expect(text).toContain('getStatus');
    expect(text).not.toMatch(/eraseUser|createConnectSession/);
    expect(text.length).toBeLessThan(4_000);
  },
);
