import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/**
 * Two runtimes: what needs bindings runs inside workerd, against real D1 and KV; the rest (pure rules, the simulator, processes,
 * browsers) runs on Node.
 */
const workerd = ['test/store/**', 'test/crypto/**', 'test/broker/**', 'test/http/**', 'test/cron/**'].map(
  (folder) => `${folder}/*.test.{ts,tsx}`,
);
const root = new URL('..', import.meta.url).pathname;

export default defineConfig({
  test: {
    root,
    projects: [
      {
        test: {
          name: 'node',
          root,
          include: ['test/**/*.test.ts'],
          exclude: [...workerd, 'node_modules/**'],
          expect: { requireAssertions: true },
          testTimeout: 60_000,
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
          include: workerd,
          setupFiles: ['test/support/migrate.ts'],
          expect: { requireAssertions: true },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
