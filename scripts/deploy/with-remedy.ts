import { userError } from '../user-error.ts';

const AGAIN = 'Run this again afterwards: it goes on with what is there and does nothing twice.';

/** Remedies for wrangler's known error texts. */
const remedies: [RegExp, string][] = [
  [
    /workers\.dev subdomain/,
    'The account has no workers.dev name yet: choose one at https://dash.cloudflare.com/?to=/:account/workers/onboarding, or give --domain.',
  ],
  [
    /CLOUDFLARE_API_TOKEN environment variable|not logged in|not authenticated|"loggedIn":\s*false/i,
    'You are not logged in at Cloudflare: run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN.',
  ],
  [
    /code: (?:10000|9109|10023)\]|Authentication error/i,
    'The login or API token lacks a permission. It needs, in the account: Workers Scripts, Workers KV Storage and D1, each Edit; for a domain also, in its zone: Workers Routes, Edit.',
  ],
  [
    /code: (?:7404|10013|10014|10041)\]/,
    'A resource of an earlier run no longer exists. If it was deleted on purpose, delete deployment.json in the folder of --state.',
  ],
  [
    /fetch failed|ECONN|ENOTFOUND|ETIMEDOUT|socket|network/i,
    'Cloudflare was not reached, or did not finish its answer.',
  ],
];

/** Runs a step. Its failure names the step, wrangler's words and the remedy. */
export const withRemedy = async <Value>(step: string, work: () => Promise<Value>): Promise<Value> => {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error && 'explained' in error)) throw error;
    const remedy = remedies.find(([symptom]) => symptom.test(error.message))?.[1];
    throw userError([error.message.trimEnd(), '', `${step} failed. ${remedy ?? ''}`.trimEnd(), AGAIN].join('\n'));
  }
};
