/**
 * One deployment, new or as an upgrade: find what exists, ask for what is missing, create it, migrate, deploy. A
 * failing step says what to do. An interrupted run can be repeated.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as z from 'zod';

import type { Ask } from '../../src/cli/ask.ts';
import { userError } from '../user-error.ts';
import { deploymentConfig, readProject, type Resources } from './config-file.ts';
import { checkHealth } from './health.ts';
import { importLocalData } from './local-data.ts';
import { DEFAULT_LOCATION, locationOfDatabase, mustBeLocation, regionBeside } from './location.ts';
import { mustBeJurisdiction, parseDomain, type DeployOptions, WORKERS_DEV } from './options.ts';
import { findAccount, namespaceTitle, type ExistingResources, findExistingResources } from './resources.ts';
import { mustBeSameClient, type Secrets, secretsToSend } from './secrets.ts';
import type { StateDir, KeptDeployment } from './state-dir.ts';
import { withRemedy } from './with-remedy.ts';
import { type Wrangler, wranglerWith } from './wrangler.ts';

export type DeployContext = {
  env: NodeJS.ProcessEnv;
  stateDir: StateDir;
  ask: Ask;
  /** Whether there is a person at the terminal. Wrangler may ask them too. */
  attended: boolean;
  /** Whether files of this machine are gone after the run. */
  ephemeral: boolean;
  say: (line: string) => void;
};

/** Deploys. Returns the broker's address. */
export const deploy = async (options: DeployOptions, context: DeployContext): Promise<string> => {
  const { stateDir, ask, say } = context;
  const project = readProject(context.env);
  const earlier = stateDir.deployment();
  const accountId = await accountOf(options, context, earlier);
  const wrangler = wranglerWith({ CLOUDFLARE_ACCOUNT_ID: accountId });
  const found = await findExistingResources(wrangler, project, earlier);
  const chosen = await askForTheRest(options, found, earlier, ask);
  if (options.withPeople && options.secrets['KEYRING'] === undefined && !found.secretNames.includes('KEYRING')) {
    throw userError("--with-people needs the local broker's KEYRING in the environment: it opens their tokens.");
  }
  if (!options.replaceClient) mustBeSameClient(chosen.secrets, found.secretNames, earlier);
  const secrets = await secretsToSend(chosen.secrets, found.secretNames, stateDir, context.ephemeral);
  const keep = (more: Partial<KeptDeployment>) =>
    stateDir.keepDeployment({ ...stateDir.deployment(), accountId, ...more });

  keep({ domain: chosen.domain ?? null });
  const ids = await findOrMake(wrangler, project, { found, chosen, say, keep });
  const resources: Resources = { accountId, ...ids };
  const config = stateDir.writeConfig(deploymentConfig(project, resources, chosen.domain));
  const region = await regionOf(wrangler, config, say);
  const configure = (workersDevUrl: string | undefined) =>
    stateDir.writeConfig(deploymentConfig(project, resources, chosen.domain, region, workersDevUrl));
  configure(earlier?.workersDevUrl);
  await withRemedy('Applying the migrations', async () =>
    wrangler(['d1', 'migrations', 'apply', 'DB', '--remote', '--config', config]),
  );
  say('migrations: applied');
  if (options.importFrom !== undefined) {
    const { importFrom: folder, withPeople } = options;
    say(await importLocalData(wrangler, { config, folder, withPeople, stateDir }));
  }
  const { WITHINGS_CLIENT_ID: withingsClientId } = secrets;
  // Recorded before it is sent: a failed upload may have taken effect.
  if (withingsClientId !== undefined) keep({ withingsClientId });
  const uploadWith = async (sent: Secrets) =>
    withRemedy('Deploying the Worker', async () => upload(wrangler, config, sent, chosen.domain, context.attended));
  const url = await uploadWith(secrets);
  if (chosen.domain === undefined && url !== earlier?.workersDevUrl) {
    keep({ workersDevUrl: url });
    configure(url);
    await uploadWith({});
    say(`PUBLIC_URL: ${url}`);
  }
  say(`Worker: deployed${Object.keys(secrets).length === 0 ? '' : `, with ${Object.keys(secrets).join(', ')}`}`);
  const asked = options.healthUrl ?? url;
  const failing = await checkHealth(asked);
  say(`${asked}/healthz: answers${failing.length === 0 ? '' : `, but these fail: ${failing.join(', ')}`}`);
  return url;
};

/** The account to deploy to. It must be the one of the state folder. */
const accountOf = async (
  options: DeployOptions,
  { stateDir, ask }: DeployContext,
  earlier: KeptDeployment | undefined,
): Promise<string> => {
  const accountId = await findAccount(wranglerWith({}), options.accountId ?? earlier?.accountId, ask);
  if (earlier === undefined || earlier.accountId === accountId) return accountId;
  throw userError(
    `${stateDir.path('.')} belongs to the account ${earlier.accountId}. Choose another folder with --state.`,
  );
};

/** The ids of the database and the KV namespace, each recorded before the next one is created. */
const findOrMake = async (
  wrangler: Wrangler,
  project: ReturnType<typeof readProject>,
  {
    found,
    chosen,
    say,
    keep,
  }: {
    found: ExistingResources;
    chosen: Chosen;
    say: DeployContext['say'];
    keep: (more: Partial<KeptDeployment>) => void;
  },
): Promise<Omit<Resources, 'accountId'>> => {
  const databaseId = found.databaseId ?? (await makeDatabase(wrangler, project.d1_databases[0].database_name, chosen));
  say(`database ${databaseId}: ${found.databaseId === undefined ? 'made' : 'there already'}`);
  keep({ databaseId });
  const namespaceId = found.namespaceId ?? (await makeNamespace(wrangler, namespaceTitle(project), chosen));
  say(`KV namespace ${namespaceId}: ${found.namespaceId === undefined ? 'made' : 'there already'}`);
  keep({ namespaceId });
  return { databaseId, namespaceId };
};

/** Where the database runs, and so the Worker; undefined if Cloudflare does not say. */
const regionOf = async (wrangler: Wrangler, config: string, say: DeployContext['say']): Promise<string | undefined> => {
  const location = await withRemedy('Reading where the database runs', async () =>
    locationOfDatabase(wrangler, config),
  );
  const region = regionBeside(location);
  say(
    region === undefined
      ? 'database: Cloudflare does not say where it runs, so the Worker runs near its users'
      : `database: runs in ${location}, and the Worker beside it (${region})`,
  );
  return region;
};

type Chosen = {
  domain: string | undefined;
  location: string;
  jurisdiction: string | undefined;
  secrets: Partial<Secrets>;
};

/** Asks for what flags, the environment and earlier runs do not say, and only if it is needed. */
const askForTheRest = async (
  options: DeployOptions,
  found: ExistingResources,
  earlier: KeptDeployment | undefined,
  ask: Ask,
): Promise<Chosen> => {
  const domain =
    options.domain ??
    (earlier?.domain === undefined
      ? await ask('Custom domain, such as withings.example.com (empty: workers.dev):')
      : (earlier.domain ?? WORKERS_DEV));
  const jurisdiction =
    options.jurisdiction ??
    (found.databaseId === undefined ? await ask('Keep the data in eu, us or fedramp (empty: anywhere):') : undefined);
  mustBeJurisdiction(jurisdiction);
  const location =
    options.location ??
    (found.databaseId === undefined && jurisdiction === undefined
      ? await ask(
          `Where the database runs: weur, eeur, enam, wnam, apac or oc (empty: ${DEFAULT_LOCATION}, near Withings):`,
        )
      : undefined);
  mustBeLocation(location);
  const secrets = { ...options.secrets };
  const questions = [
    { name: 'WITHINGS_CLIENT_ID', question: 'Withings client id:', hidden: false },
    { name: 'WITHINGS_CLIENT_SECRET', question: 'Withings client secret (not shown):', hidden: true },
  ];
  for (const { name, question, hidden } of questions) {
    if (secrets[name] !== undefined || found.secretNames.includes(name)) continue;
    const answer = await ask(question, { hidden });
    if (answer !== undefined) secrets[name] = answer;
  }
  return { domain: parseDomain(domain), location: location ?? DEFAULT_LOCATION, jurisdiction, secrets };
};

const inJurisdiction = ({ jurisdiction }: Chosen): string[] =>
  jurisdiction === undefined ? [] : ['--jurisdiction', jurisdiction];

const makeDatabase = async (wrangler: Wrangler, name: string, chosen: Chosen): Promise<string> =>
  withRemedy('Making the database', async () => {
    const where = chosen.jurisdiction === undefined ? ['--location', chosen.location] : inJurisdiction(chosen);
    const said = await wrangler(['d1', 'create', name, ...where]);
    return idIn(said, /database_id"?\s*[=:]\s*"([0-9a-f-]{36})"/);
  });

const makeNamespace = async (wrangler: Wrangler, title: string, chosen: Chosen): Promise<string> =>
  withRemedy('Making the KV namespace', async () => {
    const said = await wrangler(['kv', 'namespace', 'create', title, ...inJurisdiction(chosen)]);
    return idIn(said, /\bid"?\s*[=:]\s*"([0-9a-f]{32})"/);
  });

/** The id in wrangler's suggestion for the configuration file. */
const idIn = (said: string, pattern: RegExp): string => {
  const id = pattern.exec(said)?.[1];
  if (id === undefined) throw userError(`wrangler made it, but says no id:\n${said}`);
  return id;
};

/** Uploads code and secrets together. Returns the Worker's address. */
const upload = async (
  wrangler: Wrangler,
  config: string,
  secrets: Secrets,
  domain: string | undefined,
  attended: boolean,
): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'mushu-deploy-'));
  try {
    const [secretsFile, outputFile] = [join(folder, 'secrets.json'), join(folder, 'output.ndjson')];
    await writeFile(secretsFile, JSON.stringify(secrets), { mode: 0o600 });
    await wrangler(['deploy', '--config', config, '--secrets-file', secretsFile], {
      env: { WRANGLER_OUTPUT_FILE_PATH: outputFile },
      attended,
    });
    return domain === undefined ? deployedUrl(await readFile(outputFile, 'utf8')) : `https://${domain}`;
  } finally {
    await rm(folder, { recursive: true });
  }
};

const outputEntry = z.object({ type: z.string(), targets: z.array(z.string()).optional() });

/** The address, from wrangler's output file. */
const deployedUrl = (output: string): string => {
  const entries = output
    .split('\n')
    .filter(Boolean)
    .map((line) => outputEntry.parse(JSON.parse(line)));
  const target = entries.findLast(({ type }) => type === 'deploy')?.targets?.find((text) => /^https?:/.test(text));
  if (target === undefined)
    throw userError('The Worker is deployed, but wrangler names no address. Is workers.dev switched on?');
  return new URL(target).origin;
};
