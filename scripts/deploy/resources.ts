/** Finds what already exists, before anything is asked or created. So an interrupted run can be repeated. */
import * as z from 'zod';

import type { Ask } from '../../src/cli/ask.ts';
import { userError } from '../user-error.ts';
import type { Project } from './config-file.ts';
import type { KeptDeployment } from './state-dir.ts';
import { withRemedy } from './with-remedy.ts';
import { jsonIn, type Wrangler } from './wrangler.ts';

const login = z.object({ accounts: z.array(z.object({ id: z.string(), name: z.string() })) });
const databases = z.array(z.object({ uuid: z.string(), name: z.string() }));
const namespaces = z.array(z.object({ id: z.string(), title: z.string() }));
const secrets = z.array(z.object({ name: z.string() }));

/** The account to deploy to: the named one, the only one that the login reaches, or the one that the person chooses. */
export const findAccount = async (wrangler: Wrangler, named: string | undefined, ask: Ask): Promise<string> => {
  if (named !== undefined) return named;
  const { accounts } = await withRemedy('Logging in', async () =>
    login.parse(jsonIn(await wrangler(['whoami', '--json']))),
  );
  const [only, ...others] = accounts;
  if (only === undefined) throw userError('The login reaches no account at Cloudflare.');
  if (others.length === 0) return only.id;
  const list = accounts.map(({ id, name }) => `  ${id}  ${name}`).join('\n');
  const chosen = await ask(`Which account?\n${list}\nIts id:`);
  if (accounts.some(({ id }) => id === chosen)) return String(chosen);
  throw userError(`The login reaches several accounts: choose one with --account ID.\n${list}`);
};

export type ExistingResources = {
  databaseId: string | undefined;
  namespaceId: string | undefined;
  /** The secrets that the Worker has; none before its first deployment. */
  secretNames: string[];
};

export const namespaceTitle = ({ name }: Project): string => `${name}-LINKS`;

/**
 * Looks for what a deployment needs. Ids in `wrangler.toml` or from an earlier run are used; the others are searched by
 * name.
 */
export const findExistingResources = async (
  wrangler: Wrangler,
  project: Project,
  earlier: KeptDeployment | undefined,
): Promise<ExistingResources> => {
  const [{ database_id: boundDatabase, database_name: databaseName }] = project.d1_databases;
  const [{ id: boundNamespace }] = project.kv_namespaces;
  const database = async () => {
    const listed = databases.parse(jsonIn(await wrangler(['d1', 'list', '--json'])));
    return listed.find(({ name }) => name === databaseName)?.uuid;
  };
  const namespace = async () => {
    const listed = namespaces.parse(jsonIn(await wrangler(['kv', 'namespace', 'list'])));
    return listed.find(({ title }) => title === namespaceTitle(project))?.id;
  };
  const [databaseId, namespaceId, secretNames] = await Promise.all([
    boundDatabase ?? earlier?.databaseId ?? withRemedy('Listing the databases', database),
    boundNamespace ?? earlier?.namespaceId ?? withRemedy('Listing the KV namespaces', namespace),
    withRemedy("Listing the Worker's secrets", async () => presentSecrets(wrangler, project.name)),
  ]);
  return { databaseId, namespaceId, secretNames };
};

const presentSecrets = async (wrangler: Wrangler, worker: string): Promise<string[]> => {
  const listed = await wrangler(['secret', 'list', '--format', 'json', '--name', worker]).catch((error: unknown) => {
    // The Worker does not exist before its first deployment.
    if (error instanceof Error && /Worker "[^"]*" not found/.test(error.message)) return '[]';
    throw error;
  });
  return secrets.parse(jsonIn(listed)).map(({ name }) => name);
};
