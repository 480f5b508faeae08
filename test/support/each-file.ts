import { applyD1Migrations } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterAll, expect } from 'vitest';

import { emptyStorage } from './broker.ts';
import { findLeaks, forgetCaptured, loggedLines } from './leaks.ts';
import { faultOfLine } from './log-lines.ts';
import { findScans, forgetStatements } from './query-plans.ts';

/**
 * Files share a runtime, which takes two seconds to start: each begins with the newest tables and nothing in them. It
 * is searched when its tests are done. No secret may be in D1, KV, the logs or an answer that is not the one which
 * hands it out. No statement that the broker issued may scan a table that grows. No line of its log may say less or
 * more than is agreed.
 */
await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
await emptyStorage();
forgetCaptured();
forgetStatements();

afterAll(async () => {
  expect(await findLeaks()).toEqual([]);
  expect(await findScans()).toEqual([]);
  expect(loggedLines().flatMap(faultOfLine)).toEqual([]);
});
