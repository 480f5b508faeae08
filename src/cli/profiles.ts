import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

import * as z from 'zod';

import { cliFailure, EXIT } from './exit.ts';

/** What `login` stores: brokers and tokens by profile name, in a file that only its owner can read. */
const schema = z.object({
  current: z.string().default('default'),
  profiles: z.record(z.string(), z.object({ url: z.string(), token: z.string() })).default({}),
});
export type Profiles = z.infer<typeof schema>;

/** `$XDG_CONFIG_HOME/mushu/config.json`, by default below `~/.config` (XDG Base Directory). */
export const configPath = (): string =>
  join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'mushu', 'config.json');

export const readProfiles = (): Profiles => {
  let text: string;
  try {
    text = readFileSync(configPath(), 'utf8');
  } catch {
    return schema.parse({});
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw cliFailure(EXIT.usage, `${configPath()} is not a profile file of mushu. Remove it and run \`mushu login\`.`);
  }
};

/** Replaces the file atomically and makes it readable only by its owner, whatever its mode was. */
export const writeProfiles = (profiles: Profiles): void => {
  const path = configPath();
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const next = `${path}.${process.pid}`;
  writeFileSync(next, `${JSON.stringify(profiles, null, 2)}\n`, { mode: 0o600 });
  chmodSync(next, 0o600);
  renameSync(next, path);
};
