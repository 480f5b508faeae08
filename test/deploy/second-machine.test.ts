import { rmSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { openAccount } from './account.ts';
import { standInWrangler } from './wrangler-stand-in.ts';

const CLIENT = { WITHINGS_CLIENT_ID: 'id-1', WITHINGS_CLIENT_SECRET: 'secret-1' };
const TRIAL = { WITHINGS_CLIENT_ID: 'id-of-a-trial', WITHINGS_CLIENT_SECRET: 'secret-of-a-trial' };

/** A deployment to this host, and then a machine that has no file of it, as in continuous integration. */
const deployedElsewhere = async (domain: string) => {
  const account = await openAccount(standInWrangler);
  await account.succeed({ flags: { domain }, env: CLIENT });
  rmSync(account.stateDir.path('.'), { recursive: true });
  const worker = () => account.cloud.workers.get('mushu-health');
  return {
    ...account,
    worker,
    publicUrl: () => worker()?.bindings.find(({ name }) => name === 'PUBLIC_URL')?.text,
  };
};

describe('a machine that has no file of the deployment', () => {
  test('keeps the host, unless another one is given', async () => {
    const { cloud, stateDir, succeed, publicUrl } = await deployedElsewhere('withings.example.com');
    await succeed({});
    expect(publicUrl()).toBe('https://withings.example.com');
    expect(stateDir.deployment()).toMatchObject({ domain: 'withings.example.com' });
    await succeed({ flags: { domain: 'health.example.com' } });
    expect([publicUrl(), cloud.domains.has('health.example.com')]).toEqual(['https://health.example.com', true]);
  });

  test('keeps the address on workers.dev, and uploads once', async () => {
    const { succeed, worker, publicUrl } = await deployedElsewhere('workers.dev');
    await succeed({});
    expect([publicUrl(), worker()?.uploads.length]).toEqual(['https://mushu-health.ada.workers.dev', 3]);
  });

  test.each([CLIENT, TRIAL])('keeps the Withings client of the Worker, whichever is given: %o', async (env) => {
    const { succeed, worker } = await deployedElsewhere('withings.example.com');
    const secrets = new Map(worker()?.secrets);
    expect(await succeed({ env })).toContain('the Worker keeps its own');
    // A second run knows no more.
    expect(await succeed({ env })).toContain('the Worker keeps its own');
    expect(worker()?.secrets).toEqual(secrets);
    await succeed({ flags: { 'replace-client': true }, env });
    expect(Object.fromEntries(worker()?.secrets ?? [])).toMatchObject(env);
  });

  test('changes the secret of the same client', async () => {
    const { succeed, worker } = await deployedElsewhere('withings.example.com');
    await succeed({ env: { WITHINGS_CLIENT_SECRET: 'rotated' } });
    expect(Object.fromEntries(worker()?.secrets ?? [])).toMatchObject({
      ...CLIENT,
      WITHINGS_CLIENT_SECRET: 'rotated',
    });
  });
});
