import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { findLeaksIn, type Leak, plantSecret, recordAnswer } from '../support/canaries.ts';

/**
 * The search of a broker that `npm run dev` started: every file of its state (databases, KV, logs, wrangler's own), and everything that
 * its answers, to whomever, have shown.
 */

/** Where a developer's machine keeps secrets on purpose: the broker's own, the demo app's key, and all that the simulated Withings knows. */
const KEPT_ON_PURPOSE = ['secrets.json', 'demo-app.json', 'simulator.json', 'simulator.json.new'];

type Kept = { keyring: string; operatorToken: string };
type Keyring = { keys: Record<string, string> };
type Snapshot = { grants: { pairs: { accessToken: string; refreshToken: string }[] }[] };

const readJson = async <Value>(state: string, name: string): Promise<Value> =>
  JSON.parse(await readFile(join(state, name), 'utf8')) as Value;

/** Every token that the simulated Withings has issued. It keeps nothing before it has been asked for something. */
export const issuedTokens = async (state: string): Promise<string[]> => {
  if (!existsSync(join(state, 'simulator.json'))) return [];
  const { grants } = await readJson<Snapshot>(state, 'simulator.json');
  return grants.flatMap(({ pairs }) => pairs.flatMap(({ accessToken, refreshToken }) => [accessToken, refreshToken]));
};

/** Plants what the folder keeps on purpose. */
const plantKept = async (state: string): Promise<void> => {
  const { keyring, operatorToken } = await readJson<Kept>(state, 'secrets.json');
  plantSecret('operator token', operatorToken);
  for (const key of Object.values((JSON.parse(keyring) as Keyring).keys)) plantSecret('keyring key', key);
  plantSecret("the demo app's key", (await readJson<{ key: string }>(state, 'demo-app.json')).key);
  for (const token of await issuedTokens(state)) plantSecret('token of Withings', token);
};

/** Every secret that stands somewhere it must not: in a file of the state, or in an answer. */
export const findLeaks = async (state: string): Promise<Leak[]> => {
  await plantKept(state);
  const files = await readdir(state, { recursive: true, withFileTypes: true });
  const places = files
    .filter((file) => file.isFile() && !KEPT_ON_PURPOSE.includes(file.name))
    .map(async ({ parentPath, name }) => ({
      where: name,
      // Some come and go while they are listed.
      text: await readFile(join(parentPath, name), 'latin1').catch(() => ''),
    }));
  return findLeaksIn(await Promise.all(places));
};

/** Records an answer if it is a broker's, and plants the code that Withings' redirect carries. */
export const noteAnswer = async (method: string, url: string, response: Response): Promise<void> => {
  const location = response.headers.get('Location');
  const redirect = location !== null && URL.canParse(location) ? new URL(location).searchParams : undefined;
  if (redirect?.has('state') === true) plantSecret('code', redirect.get('code'));
  if (response.headers.has('X-Request-Id')) await recordAnswer(method, url, response);
};
