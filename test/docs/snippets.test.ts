import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { linkPolicy as linkPolicies } from '../../src/http/api/apps/contract.ts';
import { snippetsFor, type SnippetValues } from '../../src/http/dashboard/snippets.ts';
import { syntaxErrors } from '../support/grammar.ts';
import { codeBlocks } from '../support/markdown.ts';

/** Swift and Kotlin that people paste: the examples, the documentation, and what the dashboard fills in for an app. */

const root = new URL('../..', import.meta.url).pathname;
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const LANGUAGES = { swift: 'examples/ios/*.swift', kotlin: 'examples/android/*.kt' } as const;

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

  test('every snippet in the documentation is', async () => {
    const pages = globSync(['*.md', 'docs/**/*.md', 'examples/*/README.md'], { cwd: root });
    const snippets = pages.flatMap((page) => codeBlocks(read(page), language));
    expect(snippets.length).toBeGreaterThan(0);
    for (const snippet of snippets) expect(await syntaxErrors(language, snippet), snippet).toEqual([]);
  });
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
    const values: SnippetValues = { origin: 'https://broker.example.com', appId: 'app_0123', uris, linkPolicy };
    const snippets = new Map(snippetsFor(values).map(({ language, code }) => [language, code]));
    expect(await syntaxErrors('swift', snippets.get('Swift') ?? '{')).toEqual([]);
    expect(await syntaxErrors('kotlin', snippets.get('Kotlin') ?? '{')).toEqual([]);
  });
});
