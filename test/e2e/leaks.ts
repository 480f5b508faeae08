import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Ready } from '../../scripts/dev/spawn.ts';

/** Where a developer's machine keeps secrets on purpose: the broker's own, the demo app's key, and all that the simulated Withings knows. */
const KEPT_ON_PURPOSE = ['secrets.json', 'demo-app.json', 'simulator.json'];

type Snapshot = { grants: { pairs: { accessToken: string; refreshToken: string }[] }[] };

/** Every token that the simulated Withings has issued. */
export const issuedTokens = async (state: string): Promise<string[]> => {
  const { grants }: Snapshot = JSON.parse(await readFile(join(state, 'simulator.json'), 'utf8'));
  return grants.flatMap(({ pairs }) => pairs.flatMap(({ accessToken, refreshToken }) => [accessToken, refreshToken]));
};

/** Every secret there is, and in which file of the state it stands though it must not: databases, KV, logs, wrangler's own files. */
export const findLeaks = async (
  { api_key: key, admin_token: token }: Ready,
  state: string,
  alsoSecret: string[],
): Promise<string[]> => {
  const { keyring } = JSON.parse(await readFile(join(state, 'secrets.json'), 'utf8')) as { keyring: string };
  const secrets = [key, token, keyring, ...(await issuedTokens(state)), ...alsoSecret];
  const leaks: string[] = [];
  for (const entry of await readdir(state, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || KEPT_ON_PURPOSE.includes(entry.name)) continue;
    const content = await readFile(join(entry.parentPath, entry.name), 'latin1').catch(() => '');
    for (const [index, secret] of secrets.entries()) {
      if (content.includes(secret)) leaks.push(`secret ${index} in ${entry.name}`);
    }
  }
  return leaks;
};
