/**
 * What is kept of a deployment on the machine that made it, in one folder, readable by its owner only and never committed: the ids of what
 * was made, so that a later run need not ask; and the secrets that were made, until somebody has moved them to where secrets are kept.
 * All of it but the secrets and the Withings client's id can be found again without the folder.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import * as z from 'zod';

import { userError } from '../user-error.ts';

const deploymentSchema = z.object({
  accountId: z.string(),
  databaseId: z.string().optional(),
  namespaceId: z.string().optional(),
  /** Null where workers.dev was chosen. */
  domain: z.string().nullable().optional(),
  /** Where the Worker is on workers.dev: nothing says it before the first upload. */
  workersDevUrl: z.string().optional(),
  /** The client at Withings that the Worker was last given: the one that its connections belong to. No secret. */
  withingsClientId: z.string().optional(),
});
const secretsSchema = z.object({ KEYRING: z.string(), OPERATOR_TOKEN: z.string() });

/** What one run tells the next. */
export type KeptDeployment = z.infer<typeof deploymentSchema>;

/** The secrets that a first deployment makes. */
export type MadeSecrets = z.infer<typeof secretsSchema>;

export type StateDir = ReturnType<typeof openStateDir>;

/** Opens the folder; it is made with the first thing that is kept. */
export const openStateDir = (folder: string) => {
  const dir = resolve(folder);
  const path = (name: string): string => join(dir, name);
  const read = <Value>(name: string, schema: z.ZodType<Value>): Value | undefined => {
    if (!existsSync(path(name))) return undefined;
    try {
      return schema.parse(JSON.parse(readFileSync(path(name), 'utf8')));
    } catch {
      throw userError(`${path(name)} cannot be read as it was written. Restore it, or move it away.`);
    }
  };
  /** Writes a file; where it then is. */
  const writeText = (name: string, text: string): string => {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeFileSync(path(name), text, { mode: 0o600 });
    return path(name);
  };
  const write = (name: string, value: unknown): string => writeText(name, `${JSON.stringify(value, null, 2)}\n`);
  return {
    path,
    writeText,
    deployment: () => read('deployment.json', deploymentSchema),
    keepDeployment: (deployment: KeptDeployment) => write('deployment.json', deployment),
    secrets: () => read('secrets.json', secretsSchema),
    keepSecrets: (secrets: MadeSecrets) => write('secrets.json', secrets),
    /** Writes wrangler's configuration of this deployment; where it then is. */
    writeConfig: (config: object) => write('wrangler.json', config),
  };
};
