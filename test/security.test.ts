import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

/** SECURITY.md names a test for each threat that applies: those tests exist, under those names. */

const read = (path: string): string => readFileSync(join(import.meta.dirname, '..', path), 'utf8');

/** `- **T1. The threat.** The answer.`, and beneath it a line for each test. */
const THREAT = /^- \*\*(T\d+)\. (.+?)\*\* (.+(?:\n {2}\S.*)*)/gm;
const TEST = /^ {2}- `([^`]+)` “([^”]+)”$/gm;

const rows = [...read('SECURITY.md').matchAll(THREAT)].map(([, id = '', , text = '']) => ({
  id,
  tests: [...text.matchAll(TEST)],
}));

/** Why it has no test is said in its row. */
const WITHOUT_TEST = ['T40'];

test('SECURITY.md answers every threat from T1 to T53 once', () => {
  expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 53 }, (_, index) => `T${index + 1}`));
});

test.each(rows)('the tests that $id names exist', ({ id, tests }) => {
  expect(tests.length > 0).toBe(!WITHOUT_TEST.includes(id));
  for (const [, path = '', name = ''] of tests) {
    expect(path).toMatch(/\.test\.ts$/);
    expect(read(path)).toContain(name);
  }
});
