/**
 * The files of a deployment on the machine that ran it: the ids of what was created, and the new secrets until the
 * operator moves them. They are in one folder, readable only by its owner and never committed. Everything except the
 * secrets and the Withings client's id can be found again without it.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import * as z from 'zod';

import { userError } from '../user-error.ts';

const deploymentSchema = z.object({
  accountId: z.string(),
  databaseId: z.string().optional(),
  namespaceId: z.string().optional(),
  /** Null for workers.dev. */
  domain: z.string().nullable().optional(),
  /** Of the database and the namespace, which are made one after the other. */
  jurisdiction: z.string().optional(),
  /** The Worker's address on workers.dev, known after the first upload. */
  workersDevUrl: z.string().optional(),
  /** The Withings client of the last upload, to which the connections belong. Not a secret. */
  withingsClientId: z.string().optional(),
});
const secretsSchema = z.object({ KEYRING: z.string(), OPERATOR_TOKEN: z.string() }).partial();

/** What a run stores for the next one. */
export type KeptDeployment = z.infer<typeof deploymentSchema>;

export type StateDir = ReturnType<typeof openStateDir>;

/** Opens the folder, which is created with the first file. */
export const openStateDir = (folder: string) => {
  const dir = resolve(folder);
  const path = (name: string): string => join(dir, name);
  const read = <Value>(name: string, schema: z.ZodType<Value>): Value | undefined => {
    if (!existsSync(path(name))) return undefined;
    try {
      return schema.parse(JSON.parse(readFileSync(path(name), 'utf8')));
    } catch {
      throw userError(`${path(name)} cannot be read. Restore it, or move it away.`);
    }
  };
  /** Writes a file and returns its path. */
  const writeText = (name: string, text: string): string => {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeFileSync(path(name), text, { mode: 0o600 });
    return path(name);
  };
  const write = (name: string, value: unknown): string => writeText(name, `${JSON.stringify(value, null, 2)}\n`);
  const secrets = () => read('secrets.json', secretsSchema);
  return {
    path,
    writeText,
    deployment: () => read('deployment.json', deploymentSchema),
    keepDeployment: (deployment: KeptDeployment) => write('deployment.json', deployment),
    secrets,
    /** Writes down which keyring and operator's token the Worker gets; of other secrets, nothing. */
    keepSecrets: (sent: Record<string, string>) =>
      write('secrets.json', secretsSchema.parse({ ...secrets(), ...sent })),
    /** Writes wrangler's configuration of this deployment and returns its path. */
    writeConfig: (config: object) => write('wrangler.json', config),
    /** The same for a restore, which deploys nothing. */
    writeRestoreConfig: (config: object) => write('wrangler-restore.json', config),
    /** The same of its front. */
    writeFrontConfig: (config: object) => write('wrangler-edge.json', config),
  };
};
