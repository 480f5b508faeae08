import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  constantTimeEqual,
  type CredentialKind,
  hashCredential,
  isWellFormedCredential,
  mintCredential,
} from '../../src/crypto/credential.ts';
import { parseKeyring } from '../../src/crypto/keyring.ts';

const random = (size: number) => crypto.getRandomValues(new Uint8Array(size));
const KINDS: CredentialKind[] = ['key', 'operator', 'access', 'ticket', 'session'];

describe.each(KINDS)('a credential of kind %s', (kind) => {
  test('is well formed for its kind and for no other', async () => {
    const credential = await mintCredential(kind, random);
    expect(credential).toMatch(new RegExp(`^mushu_${kind}_[0-9a-f]{72}$`));
    for (const other of KINDS) expect(await isWellFormedCredential(other, credential)).toBe(other === kind);
  });

  test('with any one character mistyped is refused', async () => {
    const credential = await mintCredential(kind, random);
    for (let index = 0; index < credential.length; index += 1) {
      const other = credential[index] === '0' ? '1' : '0';
      const mistyped = `${credential.slice(0, index)}${other}${credential.slice(index + 1)}`;
      expect(await isWellFormedCredential(kind, mistyped), `${index}`).toBe(false);
    }
  });

  test('with two characters swapped, cut short, lengthened or in capitals is refused', async () => {
    const credential = await mintCredential(kind, () => Uint8Array.from({ length: 32 }, (_, index) => index * 7));
    const swapped = credential.replace(/(.)(.)(.{8})$/, '$2$1$3');
    for (const wrong of [
      swapped,
      credential.slice(0, -1),
      `${credential}0`,
      credential.toUpperCase(),
      ` ${credential}`,
      `${credential}\n`,
    ]) {
      expect(await isWellFormedCredential(kind, wrong), wrong).toBe(false);
    }
  });
});

test('credentials do not repeat, and their hashes neither', async () => {
  const credentials = await Promise.all(Array.from({ length: 200 }, () => mintCredential('key', random)));
  expect(new Set(credentials).size).toBe(200);
  expect(new Set(await Promise.all(credentials.map(hashCredential))).size).toBe(200);
});

test('comparing says the same as ===, for strings of any length', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string(), fc.string(), async (left, right) => {
      expect(await constantTimeEqual(left, right)).toBe(left === right);
      expect(await constantTimeEqual(left, left)).toBe(true);
    }),
    { seed: 20_261_122, numRuns: 50 },
  );
});

describe('a keyring that is not one', () => {
  const KEY = 'A'.repeat(43);
  test.each([
    ['no JSON', 'hello'],
    ['no object', '[]'],
    ['without keys', '{"current": "k1"}'],
    ['whose current key is missing', `{"current": "k2", "keys": {"k1": "${KEY}"}}`],
    ['with a short key', '{"current": "k1", "keys": {"k1": "c2VjcmV0"}}'],
    ['with a key that is no base64url', `{"current": "k1", "keys": {"k1": "${'!'.repeat(43)}"}}`],
    ['with an id of other characters', `{"current": "K 1", "keys": {"K 1": "${KEY}"}}`],
  ])('%s is refused in words that do not quote it', (_, text) => {
    const ring = parseKeyring(text);
    expect(ring.ok).toBe(false);
    if (!ring.ok) expect(ring.failure).not.toMatch(/c2VjcmV0|!!!|AAA|hello/);
  });
});
