import { globSync } from 'node:fs';
import { basename } from 'node:path';

import { expect, test } from 'vitest';

import { readLocalData } from '../../scripts/deploy/local-data.ts';
import { appliedMigrations } from './database.ts';
import { ready, state } from './shared.ts';

test('an app made on the local broker is found where a deployment looks for it, beside the demo app, which is left', async () => {
  const response = await fetch(`${ready.url}/apps`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${ready.admin_token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'To be carried over' }),
  });
  const { id } = await response.json<{ id: string }>();
  const ids = readLocalData(state, false).tables['apps']?.map((row) => row['id']);
  expect(ids).toContain(id);
  expect(ids).not.toContain(ready.app_id);
});

test('a new database, made in one step, has every migration noted as wrangler would have noted it', () => {
  const files = globSync('migrations/*.sql').map((file) => basename(file));
  expect(appliedMigrations(state)).toEqual(files.sort());
});
