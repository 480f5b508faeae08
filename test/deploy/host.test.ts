import { beforeEach, describe, expect, test } from 'vitest';

import { userError } from '../../scripts/user-error.ts';
import { type Account, openAccount } from './account.ts';
import { standInWrangler } from './wrangler-stand-in.ts';

/** At a terminal, no host is taken from what is not ours without a question, and none of ours with one. */

const OURS = 'withings.example.com';
const SHOP = 'shop.example.com';
const env = { WITHINGS_CLIENT_ID: 'id-1', WITHINGS_CLIENT_SECRET: 'secret-1' };

let account: Account;
/** The Workers whose upload might have asked the person, and the one at which they refuse. */
let asked: string[];
let refusesAt: string;

beforeEach(async () => {
  asked = [];
  account = await openAccount((apiUrl) => (environment) => {
    const wrangler = standInWrangler(apiUrl)(environment);
    return async (args, options = {}) => {
      const config = args[args.indexOf('--config') + 1] ?? '';
      if (options.attended === true && account.cloud.domains.get(SHOP) === 'shop') {
        asked.push(config.endsWith('-edge.json') ? 'front' : 'Worker');
        if (asked.at(-1) === refusesAt) throw userError('Publishing was skipped');
      }
      return wrangler(args, options);
    };
  });
  refusesAt = 'nowhere';
});
describe('a host that serves something else', () => {
  test('is asked about again after a refusal, by the front too', async () => {
    account.cloud.domains.set(SHOP, 'shop');
    refusesAt = 'front';
    const wanted = { flags: { edge: true, domain: SHOP }, env, attended: true };
    for (const times of [1, 2]) {
      expect((await account.run(wanted)).said).toContain('Deploying the front failed.');
      expect(asked.filter((worker) => worker === 'front')).toHaveLength(times);
    }
    expect(account.cloud.domains.get(SHOP)).toBe('shop');
  });

  test('is asked about when the front is removed and another host is given', async () => {
    await account.succeed({ flags: { edge: true, domain: OURS }, env, attended: true });
    account.cloud.domains.set(SHOP, 'shop');
    refusesAt = 'Worker';
    const moved = await account.run({ flags: { 'no-edge': true, domain: SHOP }, attended: true });
    expect(moved.said).toContain('Deploying the Worker failed.');
    expect(account.cloud.domains.get(SHOP)).toBe('shop');
  });
});

test('a host that one of the two Workers gives the other needs no answer', async () => {
  const held = () => account.cloud.domains.get(OURS);
  const unattended: boolean[] = [];
  account = await openAccount((apiUrl) => (environment) => {
    const wrangler = standInWrangler(apiUrl)(environment);
    return async (args, options = {}) => {
      if (args[0] === 'deploy') unattended.push(options.attended !== true);
      return wrangler(args, options);
    };
  });
  await account.succeed({ flags: { domain: OURS }, env, attended: true });
  await account.succeed({ flags: { edge: true }, attended: true });
  expect([held(), unattended]).toEqual(['mushu-health-edge', [false, false, true]]);
  await account.succeed({ flags: { 'no-edge': true }, attended: true });
  expect([held(), unattended.at(-1)]).toEqual(['mushu-health', true]);
});
