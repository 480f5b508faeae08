import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { readableLabel } from '../../../src/domain/redirect-uri/punycode.ts';

const seed = 20_260_614;

const asciiLabel = (readable: string): string | undefined => {
  const url = `https://${readable}.example/`;
  return URL.canParse(url) ? new URL(url).hostname.split('.')[0] : undefined;
};

test.each([
  ['a truncated integer', 'xn--a'],
  ['a delta that runs past Unicode', 'xn--99999999'],
  ['a delta beyond all integers', `xn--${'9'.repeat(300)}`],
  ['nothing encoded', 'xn--'],
  ['plain ASCII in disguise', 'xn--fit-'],
  ['a delimiter that hides in the encoding', 'xn--a/b-kva'],
  ['an upper-case letter, which IDNA maps', 'xn--Mller-kva'],
  ['a full-width letter, which IDNA maps', 'xn--it-qz3n'],
  ['a surrogate', 'xn--a-rc4g'],
])('%s is no readable label', (_name, label) => {
  expect(readableLabel(label)).toBeUndefined();
});

test.each([
  ['xn--mller-kva', 'm\u00FCller'],
  ['xn--p1ai', '\u0440\u0444'],
  ['xn--80ak6aa92e', '\u0430\u0440\u0440\u04CF\u0435'],
  ['xn--wgv71a119e', '\u65E5\u672C\u8A9E'],
  ['xn--ls8h', '\u{1F4A9}'],
])('%s reads %s', (label, readable) => {
  expect(readableLabel(label)).toBe(readable);
});

test('every label that the URL parser encodes is decoded to what encodes to it again', () => {
  const letters = fc.array(
    fc.oneof(
      fc.constantFrom('a', 'b', 'z', '0', '9'),
      fc.integer({ min: 0xdf, max: 0x2ff }),
      fc.integer({ min: 0x4e00, max: 0x2a6d6 }),
    ),
    { minLength: 1, maxLength: 12 },
  );
  let decoded = 0;
  fc.assert(
    fc.property(letters, (items) => {
      const readable = items.map((item) => (typeof item === 'string' ? item : String.fromCodePoint(item))).join('');
      const label = asciiLabel(readable.toWellFormed());
      // IDNA turns some letters into ASCII that no host label may have.
      if (!label || !/^xn--[a-z0-9-]+$/.test(label)) return;
      decoded += 1;
      expect(asciiLabel(readableLabel(label) ?? '')).toBe(label);
    }),
    { seed, numRuns: 5000 },
  );
  expect(decoded).toBeGreaterThan(500);
});

test('whatever follows xn--, it never throws, and what it reads encodes to it again', () => {
  fc.assert(
    fc.property(fc.oneof(fc.stringMatching(/^[a-z0-9-]{0,59}$/), fc.string({ unit: 'binary' })), (text) => {
      const readable = readableLabel(`xn--${text}`);
      expect(readable === undefined || asciiLabel(readable) === `xn--${text}`).toBe(true);
    }),
    { seed, numRuns: 5000 },
  );
});
