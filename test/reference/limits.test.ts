import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

/** What the reference says of a limit is made from the constant that holds it, so that it is never another number. */

const NUMBER = '(?:\\d[\\d,_]*|two|three|four|five|six|seven|eight|nine|ten|twelve|hundred|thousand)';
const COUNTED = '(?:[a-z]+ ){0,2}(?:characters|bytes|KiB|seconds|minutes|hours|days|attempts|endpoints|events|keys)';
// How late something is, in an example, is no limit.
const BY_HAND = new RegExp(`(?:at most|most:|maxLength:) ${NUMBER}\\b|\\b${NUMBER} ${COUNTED}\\b(?! late)`, 'gi');

const root = join(import.meta.dirname, '../..');
const files = globSync(
  ['scripts/reference/*.ts', 'src/http/api/schemas.ts', 'src/http/api/*/{*reference,operations,contract,queries}.ts'],
  { cwd: root },
);

test('a limit that is written by hand is found, in digits and in words', () => {
  const texts = [
    'most: 50',
    'maxLength: 128',
    'At most 500 in one call',
    'for seven days',
    '1 to 512 ASCII characters',
  ];
  for (const text of texts) expect(text.match(BY_HAND), text).toHaveLength(1);
  expect('`The last ${KEPT} attempts, at most ${MOST}, for ${KEPT_MS / DAY_MS} days`'.match(BY_HAND)).toBeNull();
});

test('no text or example of the reference repeats a limit by hand', () => {
  expect(files.length).toBeGreaterThan(20);
  const found = files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return [...text.matchAll(BY_HAND)].map(([limit]) => `${file}: ${limit}`);
  });
  expect(found).toEqual([]);
});
