import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { type Keyring, parseKeyring } from '../../src/crypto/keyring.ts';
import { open, seal } from '../../src/crypto/seal.ts';

const ringOf = (current: string, keys: Record<string, string>): Keyring => {
  const ring = parseKeyring(JSON.stringify({ current, keys }));
  if (!ring.ok) throw new Error(ring.failure);
  return ring.value;
};
const K1 = 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE';
const K2 = 'AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI';
const ring = ringOf('k1', { k1: K1 });
const PLACE = ['app_1', '42', 'refresh_token'];

test('what is sealed opens in its place, and reads as nothing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (text) => {
      const sealed = await seal(ring, 'seal-token', PLACE, text);
      expect(await open(ring, 'seal-token', PLACE, sealed)).toEqual({ ok: true, value: text });
      if (text.length > 8) expect(sealed).not.toContain(text);
    }),
    { seed: 20_261_122, numRuns: 50 },
  );
});

test.each([
  ['another app', ['app_2', '42', 'refresh_token']],
  ['another connection', ['app_1', '43', 'refresh_token']],
  ['another column', ['app_1', '42', 'access_token']],
  ['a place whose parts run together', ['app_1', '42refresh_token']],
  ['no place', []],
])('moved to %s it does not open', async (_, place) => {
  const sealed = await seal(ring, 'seal-token', PLACE, 'secret');
  expect(await open(ring, 'seal-token', place, sealed)).toEqual({ ok: false, failure: { kind: 'seal_broken' } });
});

test('sealed for one purpose it does not open for another', async () => {
  const sealed = await seal(ring, 'seal-link', PLACE, 'secret');
  expect(await open(ring, 'seal-token', PLACE, sealed)).toEqual({ ok: false, failure: { kind: 'seal_broken' } });
});

test('with any one character changed it does not open', async () => {
  const sealed = await seal(ring, 'seal-token', PLACE, 'secret');
  const [header, ...rest] = sealed.split('.');
  const body = rest.join('.');
  for (const [index, character] of body.split('').entries()) {
    if (character === '.') continue;
    // The last character of a part may carry bits that decode to nothing: one that differs in all of them is taken.
    const other = /[A-Za-f]/.test(character) ? '9' : 'B';
    const changed = `${header}.${body.slice(0, index)}${other}${body.slice(index + 1)}`;
    expect((await open(ring, 'seal-token', PLACE, changed)).ok, `${index}`).toBe(false);
  }
});

test.each(['', 'hello', '...', 'a.b.c.d', `${'a.'.repeat(3)}a`, '{}', 'eyJ9.a.b.c'])(
  '"%s" is a broken seal, not a crash',
  async (text) => {
    expect(await open(ring, 'seal-token', PLACE, text)).toEqual({ ok: false, failure: { kind: 'seal_broken' } });
  },
);

test('a blob under a key that the ring lacks is told apart from a broken one', async () => {
  const sealed = await seal(ringOf('k2', { k2: K2 }), 'seal-token', PLACE, 'secret');
  expect(await open(ring, 'seal-token', PLACE, sealed)).toEqual({
    ok: false,
    failure: { kind: 'key_missing', keyId: 'k2' },
  });
});

test('a blob under the right id and another key is broken', async () => {
  const sealed = await seal(ringOf('k1', { k1: K2 }), 'seal-token', PLACE, 'secret');
  expect(await open(ring, 'seal-token', PLACE, sealed)).toEqual({ ok: false, failure: { kind: 'seal_broken' } });
});

test('all keys of a ring open, one seals', async () => {
  const both = ringOf('k2', { k1: K1, k2: K2 });
  const old = await seal(ring, 'seal-token', PLACE, 'secret');
  expect(await open(both, 'seal-token', PLACE, old)).toEqual({ ok: true, value: 'secret' });
  const fresh = await seal(both, 'seal-token', PLACE, 'secret');
  expect(await open(ring, 'seal-token', PLACE, fresh)).toEqual({
    ok: false,
    failure: { kind: 'key_missing', keyId: 'k2' },
  });
});

test('no two seals have the same nonce', async () => {
  const sealed = await Promise.all(Array.from({ length: 2_000 }, () => seal(ring, 'seal-token', PLACE, 'secret')));
  const nonces = sealed.map((blob) => blob.split('.')[1]);
  expect(nonces.every((nonce) => nonce?.length === 16)).toBe(true);
  expect(new Set(nonces).size).toBe(2_000);
});
