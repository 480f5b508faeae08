/** Finds what already exists, before anything is asked or created. So an interrupted run can be repeated. */
import * as z from 'zod';

import type { Ask } from '../../src/cli/ask.ts';
import { userError } from '../user-error.ts';
import type { Cloudflare } from './cloudflare.ts';
import { frontName, type Project } from './config-file.ts';
import { jurisdictionOfDatabase } from './location.ts';
import { WORKERS_DEV } from './options.ts';
import type { KeptDeployment } from './state-dir.ts';
import { withRemedy } from './with-remedy.ts';
import { jsonIn, type Wrangler } from './wrangler.ts';

const login = z.object({ accounts: z.array(z.object({ id: z.string(), name: z.string() })) });
const database = z.object({ uuid: z.string(), name: z.string() });
const namespace = z.object({ id: z.string(), title: z.string() });
const secret = z.object({ name: z.string() });

/** The account to deploy to: the named one, the only one that the login reaches, or the one that the person chooses. */
export const findAccount = async (wrangler: Wrangler, named: string | undefined, ask: Ask): Promise<string> => {
  if (named !== undefined) return named;
  const { accounts } = await withRemedy('Finding the account', async () =>
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
  /** The secrets that the front has; undefined if there is no front. */
  frontSecretNames: string[] | undefined;
};

export const namespaceTitle = ({ name }: Project): string => `${name}-LINKS`;

/**
 * Looks for what a deployment needs. Ids in `wrangler.toml` or from an earlier run are used; the others are searched by
 * name.
 */
export const findExistingResources = async (
  cloudflare: Pick<Cloudflare, 'get' | 'list'>,
  project: Project,
  earlier: KeptDeployment | undefined,
): Promise<ExistingResources> => {
  const [{ database_id: boundDatabase, database_name: databaseName }] = project.d1_databases;
  const [{ id: boundNamespace }] = project.kv_namespaces;
  const searchDatabase = async () => {
    const listed = await cloudflare.list('/d1/database', database);
    return listed.find(({ name }) => name === databaseName)?.uuid;
  };
  const searchNamespace = async () => {
    const listed = await cloudflare.list('/storage/kv/namespaces', namespace);
    return listed.find(({ title }) => title === namespaceTitle(project))?.id;
  };
  const secretsOf = async (worker: string) =>
    withRemedy(`Listing the secrets of ${worker}`, async () => presentSecrets(cloudflare, worker));
  const [databaseId, namespaceId, secretNames = [], frontSecretNames] = await Promise.all([
    boundDatabase ?? earlier?.databaseId ?? withRemedy('Listing the databases', searchDatabase),
    boundNamespace ?? earlier?.namespaceId ?? withRemedy('Listing the KV namespaces', searchNamespace),
    secretsOf(project.name),
    secretsOf(frontName(project)),
  ]);
  return { databaseId, namespaceId, secretNames, frontSecretNames };
};

const settings = z.object({ bindings: z.array(z.object({ name: z.string(), text: z.string().optional() })) });

/** What the account says of the deployment before, whichever machine made it, and this machine may not know. */
export const findEarlier = async (
  cloudflare: Pick<Cloudflare, 'get'>,
  project: Project,
  { databaseId, secretNames }: ExistingResources,
  kept: KeptDeployment | undefined,
): Promise<Partial<KeptDeployment>> => {
  const jurisdiction =
    databaseId === undefined
      ? undefined
      : await withRemedy('Reading the jurisdiction of the database', async () =>
          jurisdictionOfDatabase(cloudflare, databaseId),
        );
  const address =
    kept?.domain !== undefined || secretNames.length === 0
      ? {}
      : await withRemedy(`Reading the address of ${project.name}`, async () => addressOf(cloudflare, project.name));
  return { ...(jurisdiction !== undefined && { jurisdiction }), ...address };
};

/** The address that the Worker has in its settings; nothing if it has none. */
const addressOf = async (cloudflare: Pick<Cloudflare, 'get'>, worker: string): Promise<Partial<KeptDeployment>> => {
  const { bindings } = await cloudflare.get(`/workers/scripts/${worker}/settings`, settings);
  const url = URL.parse(bindings.find(({ name }) => name === 'PUBLIC_URL')?.text ?? '');
  if (url === null) return {};
  return url.hostname.endsWith(`.${WORKERS_DEV}`)
    ? { domain: null, workersDevUrl: url.origin }
    : { domain: url.hostname };
};

/** The names of a Worker's secrets; undefined if there is no such Worker. */
const presentSecrets = async (cloudflare: Pick<Cloudflare, 'get'>, worker: string): Promise<string[] | undefined> => {
  try {
    const listed = await cloudflare.get(`/workers/scripts/${worker}/secrets`, z.array(secret));
    return listed.map(({ name }) => name);
  } catch (error) {
    if (error instanceof Error && error.message.includes('[code: 10007]')) return undefined;
    throw error;
  }
};
