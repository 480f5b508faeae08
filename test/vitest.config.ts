import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { availableParallelism } from 'node:os';

import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

import { COMPILE_CACHE } from '../scripts/dev/children.ts';
import { answersReporter } from './support/answers-reporter.ts';
import { LongFirst } from './support/long-first.ts';
import { NET_MS } from './support/net.ts';

/**
 * Six lanes (CONTRIBUTING.md says how to run one). What needs bindings runs inside workerd, against real D1 and KV. Pure code shares a
 * process of Node. What starts programs, computes for long or changes its process has one of its own; so has the deployment, which runs
 * while the first workerd starts. Then comes what talks to a whole `npm run dev`, and shares one and a browser. Commands that measure or
 * draw come when all that is done.
 */
const workerd = ['test/store/**', 'test/crypto/**', 'test/broker/**', 'test/http/**'].map(
  (folder) => `${folder}/*.test.{ts,tsx}`,
);
const endToEnd = ['test/e2e/**/*.test.ts', 'test/browser/**/*.test.ts'];
const commands = ['test/commands/**/*.test.ts'];
const apart = [
  'test/bench/**/*.test.ts',
  'test/bundle/**/*.test.ts',
  'test/check.test.ts',
  'test/docs/docs.test.ts',
  'test/interleavings/**/*.test.ts',
  'test/migrations.test.ts',
  'test/reference/**/*.test.ts',
  'test/simulator/main.test.ts',
];
const deploy = ['test/deploy/deploy.test.ts'];
const root = new URL('..', import.meta.url).pathname;
const SHARED_MEMORY = '/dev/shm';
const NEEDED_BYTES = 2e9;

// Programs are started hundreds of times, by tests and by one another.
process.env['NODE_COMPILE_CACHE'] ??= COMPILE_CACHE;

// Databases and browsers write a lot that is not read afterwards: to memory, if Linux has room there.
if (existsSync(SHARED_MEMORY) && statfsSync(SHARED_MEMORY).bavail * statfsSync(SHARED_MEMORY).bsize > NEEDED_BYTES)
  process.env['TMPDIR'] = SHARED_MEMORY;

// Wrangler's configuration names their folder, and the tests hold the Worker's answers against the reference in it.
execFileSync(process.execPath, [`${root}scripts/static-files.ts`, '--without-package'], { stdio: 'inherit' });

/** The examples as text (`with { type: 'text' }`), which Vite does not import: for the Worker esbuild does. */
const examplesAsText = {
  name: 'examples-as-text',
  load: (path: string) =>
    /\.(swift|kt)$/.test(path) ? `export default ${JSON.stringify(readFileSync(path, 'utf8'))}` : undefined,
};

const ofAll = {
  root,
  expect: { requireAssertions: true, poll: { timeout: NET_MS } },
  testTimeout: NET_MS,
  hookTimeout: NET_MS,
};

export default defineConfig({
  test: {
    root,
    // Vitest leaves one core to a person at work, which is half of a small machine.
    maxWorkers: '100%',
    teardownTimeout: NET_MS,
    sequence: { sequencer: LongFirst },
    reporters: ['default', answersReporter(`${root}dist/static/openapi.json`)],
    projects: [
      {
        plugins: [examplesAsText],
        test: {
          ...ofAll,
          name: 'node',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [...workerd, ...endToEnd, ...apart, ...deploy, ...commands, 'node_modules/**'],
        },
      },
      { test: { ...ofAll, name: 'apart', include: apart } },
      { test: { ...ofAll, name: 'deploy', include: deploy } },
      {
        plugins: [examplesAsText],
        test: {
          ...ofAll,
          name: 'e2e',
          include: endToEnd,
          // Programs and pages wait for one another more than they compute.
          maxWorkers: availableParallelism() + 1,
          sequence: { groupOrder: 1 },
          globalSetup: ['test/e2e/setup.ts'],
          setupFiles: ['test/e2e/search-for-leaks.ts'],
        },
      },
      { test: { ...ofAll, name: 'commands', include: commands, sequence: { groupOrder: 2 }, maxConcurrency: 2 } },
      {
        plugins: [
          examplesAsText,
          cloudflareTest(async () => ({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              bindings: { TEST_MIGRATIONS: await readD1Migrations(`${root}/migrations`) },
              d1Databases: ['REPLICA'],
            },
          })),
        ],
        test: {
          ...ofAll,
          name: 'workerd',
          // A runtime takes two seconds to start; test/support/each-file.ts gives each file empty storage instead.
          isolate: false,
          include: workerd,
          setupFiles: ['test/support/each-file.ts', 'test/support/note-answers.ts'],
        },
      },
    ],
  },
});
