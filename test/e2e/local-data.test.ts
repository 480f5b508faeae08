import { expect, inject, test } from 'vitest';

import { readLocalData } from '../../scripts/deploy/local-data.ts';

test('an app made on the local broker is found where a deployment looks for it, beside the demo app, which is left', async () => {
  const { ready, state } = inject('dev');
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
