import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { configOf } from '../../src/compose.ts';
import type { Bindings } from '../../src/config.ts';

/** Every invocation asks for the configuration of its environment. */

const bindings: Bindings = { DB: env.DB, LINKS: env.LINKS, KEYRING: 'a-malformed-keyring' };

test.each([
  ['a secret is another', { KEYRING: 'another' }],
  ['a setting is there that was not', { PLAN: 'paid' }],
  ['it is the front of two', { PLACED: { fetch: async () => new Response() } as unknown as Fetcher }],
])('an environment is parsed again if %s', async (_, change) => {
  const first = await configOf(bindings);
  const other = await configOf({ ...bindings, ...change });
  expect(other).not.toBe(first);
  expect(await configOf({ ...bindings, ...change })).toBe(other);
});

test('an environment with the same settings is not parsed again', async () => {
  const first = await configOf(bindings);
  expect(await configOf({ ...bindings, DB: env.REPLICA })).toBe(first);
});
