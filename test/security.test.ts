import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { GUARDS } from './guards/all.ts';
import { isInSources } from './guards/sources.ts';

/**
 * SECURITY.md names a test for each threat that applies: those tests exist, under those names. `npm run guards` takes
 * out what answers a threat and expects red: there is something to take out for each, and the sources hold it.
 */

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

test('SECURITY.md answers every threat once, numbered from T1', () => {
  expect(rows.length).toBeGreaterThan(60);
  expect(rows.map(({ id }) => id)).toEqual(rows.map((_, index) => `T${index + 1}`));
});

test.each(rows)('the tests that $id names exist', ({ id, tests }) => {
  expect(tests.length > 0).toBe(!WITHOUT_TEST.includes(id));
  for (const [, path = '', name = ''] of tests) {
    expect(path).toMatch(/\.test\.ts$/);
    expect(read(path)).toContain(name);
  }
});

test.each(rows)('what answers $id can be taken out', ({ id }) => {
  const guards = GUARDS.filter(({ threats = [] }) => threats.includes(id));
  expect(guards.length > 0).toBe(!WITHOUT_TEST.includes(id));
});

test('every guard is in the sources as it is written, and is named once', () => {
  expect(GUARDS.filter((guard) => !isInSources(guard)).map(({ name }) => name)).toEqual([]);
  expect(new Set(GUARDS.map(({ name }) => name)).size).toBe(GUARDS.length);
});

test('every threat of a guard is one of SECURITY.md', () => {
  const known = new Set(rows.map(({ id }) => id));
  expect(GUARDS.flatMap(({ threats = [] }) => threats).filter((threat) => !known.has(threat))).toEqual([]);
});
