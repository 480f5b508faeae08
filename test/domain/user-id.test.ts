import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parseUserId, MAX_USER_ID_LENGTH } from '../../src/domain/user-id.ts';

const reasonAgainst = (value: string): string | undefined => {
  const judged = parseUserId(value);
  return judged.ok ? undefined : judged.failure.reason;
};

describe('a user id is refused', () => {
  test.each([
    ['', 'empty'],
    ['a'.repeat(129), 'too_long'],
    ['ada lovelace', 'space'],
    [' ada', 'space'],
    ['ada ', 'space'],
    ['a/b', 'forbidden_character'],
    ['../../x', 'forbidden_character'],
    ['a\\b', 'forbidden_character'],
    ['a?b', 'forbidden_character'],
    ['a#b', 'forbidden_character'],
    ['auth0%7C5f7c', 'forbidden_character'],
    ['a\r\nX: y', 'space'],
    ['a\nb', 'forbidden_character'],
    ['ada\n', 'forbidden_character'],
    ['a\tb', 'forbidden_character'],
    ['a\u0000', 'forbidden_character'],
    ['a\u007F', 'forbidden_character'],
    ['ad\u00E4', 'forbidden_character'],
    ['a\u00A0b', 'forbidden_character'],
    ['\u{1F600}', 'forbidden_character'],
    ['\uD800', 'forbidden_character'],
    ['.', 'dot_segment'],
    ['..', 'dot_segment'],
  ])('%j: %s', (value, reason) => {
    expect(reasonAgainst(value)).toBe(reason);
  });

  test('for a plus sign that arrived as a space, with the remedy', () => {
    const sent = new URLSearchParams('user_id=ada+lovelace@example.com').get('user_id') ?? '';
    expect(parseUserId(sent)).toEqual({
      ok: false,
      failure: { reason: 'space', detail: expect.stringContaining('%2B') },
    });
  });
});

describe('a user id is accepted', () => {
  test.each([
    ['1'],
    ['auth0|5f7c'],
    ['ada@example.com'],
    ['ada+scale@example.com'],
    ['550e8400-e29b-41d4-a716-446655440000'],
    ['...'],
    ['.a'],
    ['__proto__'],
    ['<b>"\'&;'],
    ['a'.repeat(MAX_USER_ID_LENGTH)],
  ])('%s', (value) => {
    expect(parseUserId(value)).toEqual({ ok: true, value });
  });

  test('only when it survives a path and a query unchanged, and is never repeated when refused', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme-ascii', maxLength: 140 })),
        (value) => {
          const judged = parseUserId(value);
          if (!judged.ok) {
            if (value.length > 40) expect(judged.failure.detail).not.toContain(value);
            expect(judged.failure.detail).not.toBe('');
            return;
          }
          expect(judged.value).toBe(value);
          const url = new URL(
            `https://fit.example.org/users/${encodeURIComponent(value)}/x?user_id=${encodeURIComponent(value)}`,
          );
          expect(decodeURIComponent(url.pathname.split('/')[2] ?? '')).toBe(value);
          expect(url.searchParams.get('user_id')).toBe(value);
        },
      ),
      { seed: 20_260_614, numRuns: 5000 },
    );
  });
});
