import { expect, test } from 'vitest';

import { askForTheRest } from '../../scripts/deploy/choices.ts';
import { readDeployOptions } from '../../scripts/deploy/options.ts';
import { openAccount } from './account.ts';
import { standInWrangler } from './wrangler-stand-in.ts';

const CLIENT = { WITHINGS_CLIENT_ID: 'id-1', WITHINGS_CLIENT_SECRET: 'secret-1' };
const FLAGS = { domain: 'withings.example.com' };

test.each([undefined, 'us'])('another jurisdiction than that of the database, %s, is refused', async (of) => {
  const { cloud, run, succeed } = await openAccount(standInWrangler);
  for (const database of cloud.databases) if (of !== undefined) database.jurisdiction = of;
  const refused = await run({ flags: { ...FLAGS, jurisdiction: 'eu' }, env: CLIENT });
  expect(refused.said).toContain(of === undefined ? 'has no jurisdiction,' : 'has the jurisdiction us,');
  expect(cloud.requests.filter((request) => !request.startsWith('GET'))).toEqual([]);
  await succeed({ flags: { ...FLAGS, ...(of !== undefined && { jurisdiction: of }) }, env: CLIENT });
});

test('the jurisdiction of a run that made no database is kept for the next one, and not asked for again', async () => {
  const options = readDeployOptions(FLAGS, CLIENT);
  const found = { databaseId: undefined, namespaceId: undefined, secretNames: [], frontSecretNames: undefined };
  const mustNotAsk = async (question: string) => Promise.reject(new Error(question));
  const chosen = await askForTheRest(options, found, { accountId: 'a', jurisdiction: 'eu' }, mustNotAsk);
  expect(chosen.jurisdiction).toBe('eu');
});

test('the jurisdiction is noted before the database is made', async () => {
  const { cloud, stateDir, run } = await openAccount(standInWrangler);
  cloud.databases.length = 0;
  const failed = await run({ flags: { ...FLAGS, jurisdiction: 'eu' }, env: CLIENT });
  expect(failed.said).toContain('Making the database failed.');
  expect(stateDir.deployment()).toMatchObject({ jurisdiction: 'eu' });
});
