import { execFileSync } from 'node:child_process';

import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

import { answersReporter } from './support/answers-reporter.ts';

/**
 * Two runtimes: what needs bindings runs inside workerd, against real D1 and KV; the rest (pure rules, the simulator, processes) runs on
 * Node, and beside it what talks to a whole `npm run dev`, which is started once for all.
 */
const workerd = ['test/store/**', 'test/crypto/**', 'test/broker/**', 'test/http/**', 'test/cron/**'].map(
  (folder) => `${folder}/*.test.{ts,tsx}`,
);
const endToEnd = ['test/e2e/**/*.test.ts', 'test/browser/**/*.test.ts'];
const root = new URL('..', import.meta.url).pathname;

// Wrangler's configuration names their folder, and the tests hold the Worker's answers against the reference in it.
execFileSync(process.execPath, [`${root}scripts/static-files.ts`], { stdio: 'inherit' });

export default defineConfig({
  test: {
    root,
    // Vitest leaves one core to a person at work, which is half of a small machine.
    maxWorkers: '100%',
    reporters: ['default', answersReporter(`${root}dist/static/openapi.json`)],
    projects: [
      {
        test: {
          name: 'node',
          root,
          include: ['test/**/*.test.ts'],
          exclude: [...workerd, ...endToEnd, 'node_modules/**'],
          expect: { requireAssertions: true },
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          root,
          include: endToEnd,
          globalSetup: ['test/e2e/setup.ts'],
          setupFiles: ['test/e2e/search-for-leaks.ts'],
          expect: { requireAssertions: true },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              bindings: { TEST_MIGRATIONS: await readD1Migrations(`${root}/migrations`) },
            },
          })),
        ],
        test: {
          name: 'workerd',
          root,
          // A runtime takes two seconds to start; test/support/each-file.ts gives each file empty storage instead.
          isolate: false,
          include: workerd,
          setupFiles: ['test/support/each-file.ts', 'test/support/note-answers.ts'],
          expect: { requireAssertions: true },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
