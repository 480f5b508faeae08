import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { differences, publicNames } from '../../scripts/public-names.ts';

/**
 * What clients and operators wrote down of version 0.1.0 keeps working under its name. CHANGELOG.md has what is new.
 */

const root = join(import.meta.dirname, '../..');
const before = readFileSync(join(root, 'test/fixtures/public-names.txt'), 'utf8').trim().split('\n');

test('every public name of version 0.1.0 is there', async () => {
  for (const kind of ['route', 'parameter', 'request', 'answer', 'code', 'setting', 'command', 'flag']) {
    expect(before.filter((name) => name.startsWith(`${kind} `)).length, kind).toBeGreaterThan(20);
  }
  const now = await publicNames(root);
  expect(differences(before, now).gone).toEqual([]);
  expect(differences([...before, 'code renamed 400'], now).gone).toEqual(['code renamed 400']);
});
