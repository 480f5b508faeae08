import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { asAppId } from '../../src/domain/app-id.ts';
import { linkPolicy as linkPolicies } from '../../src/http/api/apps/contract.ts';
import { snippetsFor, type SnippetValues } from '../../src/http/dashboard/snippets/snippets.ts';
import { syntaxErrors } from '../support/grammar.ts';
import { codeBlocks } from '../support/markdown.ts';

/** Swift and Kotlin that people paste: the examples, the documentation, and what the dashboard fills in for an app. */

const root = new URL('../..', import.meta.url).pathname;
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const LANGUAGES = { swift: 'examples/ios/*.swift', kotlin: 'examples/android/*.kt' } as const;

/** The dashboard shows code in a column of 100: a longer line needs scrolling. */
const longLines = (code: string): string[] => code.split('\n').filter((line) => line.length > 100);

describe.each(['swift', 'kotlin'] as const)('%s', (language) => {
  const files = globSync(LANGUAGES[language], { cwd: root });

  test.each(files)('%s is written as the language is, and a bracket less would be noticed', async (file) => {
    const text = read(file);
    expect(await syntaxErrors(language, text)).toEqual([]);
    const body = text.indexOf('{');
    for (const bracket of ['{', '}', '(', ')']) {
      const at = text.indexOf(bracket, body);
      const without = text.slice(0, at) + text.slice(at + 1);
      expect(await syntaxErrors(language, without), `without ${bracket} at ${at}`).not.toEqual([]);
    }
  });

  test.each(files)('%s has no line longer than 100 columns', (file) => {
    expect(longLines(read(file))).toEqual([]);
  });

  test('every snippet in the documentation is', async () => {
    const pages = globSync(['*.md', 'docs/**/*.md', 'examples/*/README.md'], { cwd: root });
    const snippets = pages.flatMap((page) => codeBlocks(read(page), language));
    expect(snippets.length).toBeGreaterThan(0);
    for (const snippet of snippets) expect(await syntaxErrors(language, snippet), snippet).toEqual([]);
  });
});

describe('a part of an example', () => {
  const cited = globSync(['docs/**/*.md', 'examples/*/README.md'], { cwd: root }).flatMap((page) =>
    [...read(page).matchAll(/^<!-- part: (\S+) (\w+) -->\n\n```\w+\n([\s\S]*?)^```$/gm)].map(
      ([, file = '', part = '', code]) => [page, file, part, code] as const,
    ),
  );

  test.each(cited)('is the same in %s as in %s: %s', (_page, file, part, code) => {
    const [, rest = ''] = read(file).split(`// part: ${part}\n`);
    expect(code).toBe(rest.split('// end\n')[0]);
  });

  test('is cited where a mark says so', () => {
    const marks = globSync(['docs/**/*.md', 'examples/*/README.md'], { cwd: root }).flatMap((page) =>
      [...read(page).matchAll(/<!-- part: /g)].map(() => page),
    );
    expect(cited.map(([page]) => page)).toEqual(marks);
    expect(marks.length).toBeGreaterThan(1);
  });
});

test('the manifest names the filters and the activity of the example, and its tags are closed', () => {
  const manifest = read('examples/android/AndroidManifest.xml');
  const open = [...manifest.replaceAll(/<!--[\s\S]*?-->|<\?[\s\S]*?\?>/g, '').matchAll(/<(\/?)([\w-]+)[^<>]*?(\/?)>/g)];
  const nested: string[] = [];
  for (const [, end, name = '', alone] of open) {
    if (end === '/') expect(nested.pop()).toBe(name);
    else if (alone === '') nested.push(name);
  }
  expect(nested).toEqual([]);
  const [, scheme, host, path] =
    /Uri\.parse\("(\w+):\/\/(\w+)(\/\w+)"\)/.exec(read('examples/android/ConnectActivity.kt')) ?? [];
  expect(manifest).toContain(`android:scheme="${scheme}" android:host="${host}" android:path="${path}"`);
  expect(manifest).toContain('android:name="com.example.withings.ConnectActivity"');
});

/** Registered URIs, among them such as hold what languages quote. */
const REGISTERED: [name: string, uris: string[]][] = [
  ['none yet', []],
  ['a scheme', ['womoji://withings/success']],
  ['a scheme without a host', ['com.example.app:/withings/done']],
  ['https alone', ['https://app.example.com/withings/done?from=a&b=$c']],
  ['both', ['https://app.example.com/withings/done', "com.example.app:/it's($x)"]],
];

describe.each(REGISTERED)('the dashboard’s snippets for an app with redirect URIs: %s', (_, uris) => {
  test.each(linkPolicies.options)('under the policy %s', async (linkPolicy) => {
    const values: SnippetValues = {
      origin: 'https://broker.example.com',
      appId: asAppId('app_0123'),
      uris,
      linkPolicy,
    };
    const snippets = new Map(snippetsFor(values).map(({ language, code }) => [language, code]));
    expect(snippets.get('Swift')).toContain(read('examples/ios/WithingsLink.swift'));
    expect(snippets.get('Kotlin')).toContain(read('examples/android/WithingsLink.kt'));
    // A line that quotes a registered URI is as long as that is.
    const lines = ['Swift', 'Kotlin', 'JavaScript'].flatMap((language) => longLines(snippets.get(language) ?? ''));
    expect(lines.filter((line) => !line.includes('/withings/done') && !line.includes("it's("))).toEqual([]);
    // Each gives its link a state of its own, by which the answer is recognized.
    expect(snippets.get('Swift')).toMatch(/withings\.state/);
    expect(snippets.get('Kotlin')).toMatch(/open \{ state -> /);
    expect(snippets.get('JavaScript')).toMatch(/answer\.get\('state'\) !== kept/);
    expect(await syntaxErrors('swift', snippets.get('Swift') ?? '{')).toEqual([]);
    expect(await syntaxErrors('kotlin', snippets.get('Kotlin') ?? '{')).toEqual([]);
  });
});
