import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

/** The words that CONTRIBUTING.md ("Prose") rules out, each with a better one. */
const WORDS: [pattern: RegExp, better: string][] = [
  [/\banew\b/i, 'again'],
  [/\bmend(?:s|ed|ing)?\b/i, 'fix'],
  [/\bwhoever\b/i, 'the actor: a manager, a caller, the operator'],
  [/\bsomebody\b/i, 'the actor: another user, another caller, a person'],
  [/\bnobody\b/i, 'no user, no caller, not …'],
  [/\btold of\b/i, 'an alarm, a notice, an answer'],
  [/\bmeanwhile\b/i, 'until then, since, in between'],
  [/\blikewise\b/i, 'the same words again'],
  [/\b(?:undefined|null|absent|empty|none) where\b/, 'if'],
];

const root = join(import.meta.dirname, '..');
const files = globSync(
  [
    '*.md',
    'docs/**/*.md',
    'migrations/*.md',
    'examples/**/*.{md,ts,js,swift,kt}',
    'scripts/**/*.ts',
    'src/**/*.{ts,tsx,css,md}',
  ],
  { cwd: root },
);

/** Without names of tests, which SECURITY.md quotes. */
const prose = (line: string): string => line.replaceAll(/“[^”]*”/g, '');

const findings = (text: string): string[] =>
  text.split('\n').flatMap((line, index) =>
    WORDS.flatMap(([pattern, better]) => {
      const found = pattern.exec(prose(line))?.[0];
      return found === undefined ? [] : [`${index + 1}: “${found}”, better: ${better}`];
    }),
  );

/** Comments of tests. Their titles are names, which SECURITY.md quotes. */
const COMMENT = /^\s*(?:\/\/|\/?\*)/;
const comments = (text: string): string =>
  text
    .split('\n')
    .map((line) => (COMMENT.test(line) ? line : ''))
    .join('\n');

test('the word list finds each of its words, in any case, and not SQL or a quoted test', () => {
  expect(findings('Nobody seals it anew;\nundefined where it mends.')).toHaveLength(4);
  expect(findings('SET x = NULL WHERE y\nsee “does not revoke somebody’s account”')).toEqual([]);
});

test('comments of tests are in plain words', () => {
  const tests = globSync('test/**/*.ts', { cwd: root, exclude: ['test/fixtures/**', 'test/prose.test.ts'] });
  expect(tests.length).toBeGreaterThan(200);
  const found = tests.flatMap((file) =>
    findings(comments(readFileSync(join(root, file), 'utf8'))).map((one) => `${file}:${one}`),
  );
  expect(found).toEqual([]);
});

test('documentation, comments, dashboard and command line are in plain words', () => {
  expect(files.length).toBeGreaterThan(250);
  const found = files.flatMap((file) =>
    findings(readFileSync(join(root, file), 'utf8')).map((one) => `${file}:${one}`),
  );
  expect(found).toEqual([]);
});
