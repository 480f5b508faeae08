import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { configOf } from '../../src/compose.ts';
import { type Bindings, SETTINGS } from '../../src/config.ts';
import { links } from '../../src/http/parts/links.ts';

/** Every invocation asks for the configuration of its environment. */

const bindings: Bindings = { DB: env.DB, LINKS: env.LINKS, KEYRING: 'a-malformed-keyring' };

/** Only whether it is there counts. */
const placed: Fetcher = {
  fetch: () => Promise.reject(new Error('not asked')),
  connect: () => {
    throw new Error('not asked');
  },
};

test.each([
  ['a secret is another', { KEYRING: 'another' }],
  ['a setting is there that was not', { PLAN: 'paid' }],
  ['it is the front of two', { PLACED: placed }],
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

const ODD = [
  '',
  ' ',
  'x',
  '-1',
  '1e9',
  'yes,no',
  '{}',
  '//x',
  'http://',
  'hooks.example.com/x',
  'https://[::',
  '\uD800',
];

test.each(SETTINGS)('%s may be any text: it is valid or not, and nothing throws', async (name) => {
  for (const text of ODD) expect(await configOf({ ...bindings, [name]: text })).toHaveProperty('ok');
});

test('the router of links is built before the first request', () => {
  expect(() => links.router.add('GET', '/x', [() => undefined, { path: '/x' } as never] as never)).toThrow(
    /already built/,
  );
});
