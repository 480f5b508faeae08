import { readFileSync } from 'node:fs';

import { beforeEach, expect, test } from 'vitest';

import { asOperator, makeToken } from './as-operator.ts';
import { type Mushu, newMushu } from './mushu.ts';
import { ready } from './shared.ts';

/** The profiles of `mushu`, and the variables that replace its options. */

let mushu: Mushu;
let run: Mushu['run'];

beforeEach(() => {
  mushu = newMushu();
  run = mushu.run;
});

/** The stored profiles: the current one, and the token of each. */
const stored = () => {
  const text = readFileSync(mushu.config, 'utf8');
  const { current, profiles } = JSON.parse(text) as { current: string; profiles: Record<string, { token: string }> };
  return { current, tokens: Object.fromEntries(Object.entries(profiles).map(([name, { token }]) => [name, token])) };
};

test('MUSHU_PROFILE names the profile that login stores, other commands use and logout deletes', async () => {
  const developer = (await makeToken(run)).env['MUSHU_TOKEN'] ?? '';
  const staging = { MUSHU_PROFILE: 'staging' };
  await run(['login', '--url', ready.url, '--token', developer]);
  await run(['login', '--url', ready.url, '--token', ready.admin_token], staging);
  expect(stored().tokens).toEqual({ default: developer, staging: ready.admin_token });
  await run(['login', '--url', ready.url, '--token', developer, '--profile', 'prod'], staging);
  expect((await run(['whoami'], staging)).out).toContain('operator');
  expect(await run(['logout'], staging)).toMatchObject({ code: 0 });
  expect(stored().tokens).toEqual({ default: developer, prod: developer });
});

test('logging out of another profile leaves the current one as it is', async () => {
  const login = ['login', '--url', ready.url, '--token', ready.admin_token, '--profile'];
  for (const name of ['default', 'staging', 'prod']) await run([...login, name]);
  await run(['logout', '--profile', 'staging']);
  expect(stored().current).toBe('prod');
  await run(['logout']);
  expect(stored()).toEqual({ current: 'default', tokens: { default: ready.admin_token } });
});

test('a profile that nobody stored is refused, whether an option or MUSHU_PROFILE names it', async () => {
  const refusal = { code: 2, out: '', err: expect.stringContaining('There is no such profile.') };
  expect(await run(['whoami', '--profile', 'none'], asOperator)).toEqual(refusal);
  expect(await run(['whoami'], { ...asOperator, MUSHU_PROFILE: 'none' })).toEqual(refusal);
});

test('MUSHU_APP replaces --app in the audit trail too', async () => {
  const { id } = JSON.parse((await run(['apps', 'create', 'Audited', '--json'], asOperator)).out) as { id: string };
  const trail = async (env: Record<string, string>) => {
    const { out } = await run(['audit', '--json'], { ...asOperator, ...env });
    return (JSON.parse(out) as { subject: string }[]).map(({ subject }) => subject);
  };
  expect(await trail({ MUSHU_APP: id })).toEqual([id]);
  expect((await trail({ MUSHU_APP: '' })).length).toBeGreaterThan(1);
});
