import { expect, test } from 'vitest';

import { openAccount } from './account.ts';
import { standInWrangler } from './wrangler-stand-in.ts';

test('npm run deploy on workers.dev, run again, uploads once and keeps the address and the secrets', async () => {
  const { cloud, succeed } = await openAccount(standInWrangler);
  const env = { WITHINGS_CLIENT_ID: 'id-1', WITHINGS_CLIENT_SECRET: 'secret-1' };
  await succeed({ flags: { domain: 'workers.dev' }, env });
  const publicUrl = () => cloud.worker?.bindings.find(({ name }) => name === 'PUBLIC_URL');
  const [address, secrets] = [publicUrl(), new Map(cloud.worker?.secrets)];
  expect(address).toMatchObject({ text: 'https://mushu-health.ada.workers.dev' });
  expect([cloud.worker?.uploads.length, secrets.size]).toEqual([2, 4]);
  await succeed({});
  expect([cloud.worker?.uploads.length, publicUrl()]).toEqual([3, address]);
  expect(cloud.worker?.secrets).toEqual(secrets);
});
