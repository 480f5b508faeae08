import { readFile } from 'node:fs/promises';

import { describe, expect, test } from 'vitest';

const read = (path: string): Promise<string> => readFile(new URL(`../${path}`, import.meta.url).pathname, 'utf8');
const readme = await read('README.md');

describe('the README', () => {
  test('has at most 130 lines', () => {
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(130);
  });

  test('names no npm script that does not exist', async () => {
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };
    const named = [...readme.matchAll(/npm (?:run )?(dev|demo|deploy|test|check|format|migration|[a-z]+)\b/g)];
    for (const [, name = ''] of named) {
      if (!['ci', 'install', 'run', 'and', 'script'].includes(name)) expect(Object.keys(scripts)).toContain(name);
    }
    expect(named.length).toBeGreaterThan(5);
  });
});
