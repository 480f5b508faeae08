import { applyD1Migrations } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterAll, expect } from 'vitest';

import { emptyStorage } from './broker.ts';
import { findLeaks, forgetCaptured } from './leaks.ts';
import { findScans, forgetStatements } from './query-plans.ts';

/**
 * Files share a runtime, which takes two seconds to start: each begins with the newest tables and nothing in them. It is searched when its
 * tests are done: no secret may be in D1, KV, the logs or an answer that is not the one which hands it out, and no statement that the
 * broker issued may scan a table that grows.
 */
await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
await emptyStorage();
forgetCaptured();
forgetStatements();

afterAll(async () => {
  expect(await findLeaks()).toEqual([]);
  expect(await findScans()).toEqual([]);
});
