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

/** CONTRIBUTING.md, "Prose". */
const MAX_WORDS = 25;
const documents = globSync(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'docs/**/*.md'], {
  cwd: root,
});

/** The sentences of a document: a paragraph, an item of a list and a cell of a table each begin one. */
const sentences = (text: string): string[] =>
  prose(text)
    .replaceAll(/^```[^]*?^```/gm, '')
    .replaceAll(/`[^`]*`/g, 'code')
    .replaceAll(/\]\([^)]*\)|<[^>]*>/g, '')
    .split(/\n\s*\n|\n(?=\s*(?:[-*#]+|\d+\.) )|\||(?<=[.!?])["')*\]]*\s/);

const longSentences = (text: string): string[] =>
  sentences(text)
    .map((sentence) => sentence.split(/\s+/).filter((word) => /\w/.test(word)))
    .filter(({ length }) => length > MAX_WORDS)
    .map((words) => `${words.length} words: ${words.join(' ')}`);

test('a long sentence is found across lines, and a list, a table or a quoted test is none', () => {
  const words = 'word '.repeat(13);
  expect(longSentences(`${words}\n${words}.`)).toHaveLength(1);
  expect(longSentences(`${words}.\n${words}`)).toEqual([]);
  expect(longSentences(`- ${words}\n- ${words}\n| ${words} | ${words} |\n\n“${words}” ${words}`)).toEqual([]);
});

test('documentation has no sentence that is longer', () => {
  expect(documents.length).toBeGreaterThan(20);
  const found = documents.flatMap((file) =>
    longSentences(readFileSync(join(root, file), 'utf8')).map((one) => `${file}: ${one}`),
  );
  expect(found).toEqual([]);
});

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

const WIDEST = 120;
const tooWide = (text: string): string[] =>
  text
    .split('\n')
    .flatMap((line, index) => (COMMENT.test(line) && line.length > WIDEST ? [`${index + 1}: ${line}`] : []));

test('a comment that is wider than the code is found, and wide code is not', () => {
  const wide = 'x'.repeat(WIDEST);
  expect(tooWide(`// ${wide}\n/** ${wide}\n * ${wide}\nconst a = '${wide}';\n// narrow`)).toHaveLength(3);
});

test('comments are no wider than the code, which the formatter holds', () => {
  const sources = globSync(['src/**/*.{ts,tsx,css}', 'scripts/**/*.ts'], { cwd: root });
  const found = sources.flatMap((file) =>
    tooWide(readFileSync(join(root, file), 'utf8')).map((one) => `${file}:${one}`),
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
