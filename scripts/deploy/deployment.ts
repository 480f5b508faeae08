/**
 * One deployment, new or as an upgrade: find what exists, ask for what is missing, create it, migrate, deploy. A
 * failing step says what to do. An interrupted run can be repeated.
 */
import type { Ask } from '../../src/cli/ask.ts';
import { userError } from '../user-error.ts';
import { askForTheRest, type Chosen } from './choices.ts';
import { type Cloudflare, cloudflareWith } from './cloudflare.ts';
import { deploymentConfig, frontConfig, frontName, type Project, readProject, type Resources } from './config-file.ts';
import { mayWranglerAsk, removeFront, secretsOfFront, switchReplication } from './front.ts';
import { checkHealth } from './health.ts';
import { importLocalData } from './local-data.ts';
import { locationOfDatabase, regionBeside } from './location.ts';
import { findOrMake } from './make-resources.ts';
import type { DeployOptions } from './options.ts';
import { type ExistingResources, findAccount, findEarlier, findExistingResources } from './resources.ts';
import { mustBeSameClient, ofKnownClient, type Secrets, secretsToSend } from './secrets.ts';
import type { KeptDeployment, StateDir } from './state-dir.ts';
import { upload, workersDevUrl } from './upload.ts';
import { withRemedy } from './with-remedy.ts';
import type { Wrangler } from './wrangler.ts';

export type DeployContext = {
  env: NodeJS.ProcessEnv;
  stateDir: StateDir;
  ask: Ask;
  /** Whether there is a person at the terminal. Wrangler may ask them too. */
  attended: boolean;
  /** Whether files of this machine are gone after the run. */
  ephemeral: boolean;
  say: (line: string) => void;
  wait: (ms: number) => Promise<void>;
  /** Makes what runs wrangler in an environment. */
  wranglerWith: (env: NodeJS.ProcessEnv) => Wrangler;
};

/** Deploys. Returns the broker's address. */
export const deploy = async (options: DeployOptions, context: DeployContext): Promise<string> => {
  const { say } = context;
  const plan = await makePlan(options, context);
  const { project, wrangler, cloudflare, found, chosen, keep } = plan;
  keep({ domain: chosen.domain ?? null, jurisdiction: chosen.jurisdiction });
  const ids = await findOrMake(wrangler, project, { found, chosen, say, keep });
  const resources: Resources = { accountId: plan.accountId, ...ids };
  const region = await regionOf(plan, ids.databaseId, say);
  const { domain, hasFront: isBehindFront } = chosen;
  const configure = (workersDevUrl: string | undefined) =>
    context.stateDir.writeConfig(
      deploymentConfig(project, resources, { domain, region, workersDevUrl, isBehindFront }),
    );
  const config = configure(plan.earlier?.workersDevUrl);
  await withRemedy('Applying the migrations', async () =>
    wrangler(['d1', 'migrations', 'apply', 'DB', '--remote', '--config', config]),
  );
  say('migrations: applied');
  if (options.importFrom !== undefined) {
    const { importFrom: folder, withPeople } = options;
    say(await importLocalData(wrangler, { config, folder, withPeople }));
  }
  if (chosen.hasFront) {
    await switchReplication(cloudflare, ids.databaseId, 'auto');
    say('database: read replication is on');
  }
  // The placed Worker first: what the front starts, it has to understand.
  const url = await deployWorker(plan, configure, config, context);
  if (domain !== undefined && isBehindFront) await deployFront(plan, resources, domain, context);
  const asked = options.healthUrl ?? url;
  const failing = await checkHealth(asked);
  say(`${asked}/healthz: answers${failing.length === 0 ? '' : `, but these fail: ${failing.join(', ')}`}`);
  if (!chosen.hasFront && found.frontSecretNames !== undefined) {
    say('front: stays for a minute, for requests under way');
    await removeFront(cloudflare, project, ids.databaseId, context.wait);
    say('front: removed, and read replication is off');
  }
  return url;
};

/** What a run knows before it changes anything. */
type Plan = {
  project: Project;
  accountId: string;
  wrangler: Wrangler;
  cloudflare: Cloudflare;
  earlier: KeptDeployment | undefined;
  found: ExistingResources;
  chosen: Chosen;
  secrets: Secrets;
  frontSecrets: Secrets;
  keep: (more: Partial<KeptDeployment>) => void;
};

const makePlan = async (options: DeployOptions, context: DeployContext): Promise<Plan> => {
  const { env, stateDir, ask, ephemeral, say } = context;
  const project = readProject(env);
  const kept = stateDir.deployment();
  const accountId = await accountOf(options, context, kept);
  const wrangler = context.wranglerWith({ ...env, CLOUDFLARE_ACCOUNT_ID: accountId });
  const cloudflare = cloudflareWith(wrangler, accountId, env);
  const found = await findExistingResources(cloudflare, project, kept);
  const earlier = { accountId, ...kept, ...(await findEarlier(cloudflare, project, found, kept)) };
  const chosen = await askForTheRest(options, found, earlier, ask);
  if (options.withPeople && options.secrets['KEYRING'] === undefined && !found.secretNames.includes('KEYRING')) {
    throw userError("--with-people needs the local broker's KEYRING in the environment: it opens their tokens.");
  }
  if (!options.replaceClient) mustBeSameClient(chosen.secrets, found.secretNames, earlier);
  const { secretNames, frontSecretNames = [] } = found;
  const given = options.replaceClient ? chosen.secrets : ofKnownClient(chosen.secrets, secretNames, earlier, say);
  const secrets = await secretsToSend(given, secretNames, stateDir, ephemeral, options.replaceKeyring);
  const frontSecrets = chosen.hasFront ? await secretsOfFront(secrets, chosen.secrets, frontSecretNames, context) : {};
  const keep = (more: Partial<KeptDeployment>) =>
    stateDir.keepDeployment({ ...stateDir.deployment(), accountId, ...more });
  return { project, accountId, wrangler, cloudflare, earlier, found, chosen, secrets, frontSecrets, keep };
};

/** Deploys the Worker: the only one, or the placed one of two. Returns the broker's address. */
const deployWorker = async (
  { project, wrangler, cloudflare, earlier, chosen, secrets, keep }: Plan,
  configure: (workersDevUrl: string) => string,
  config: string,
  context: DeployContext,
): Promise<string> => {
  const { WITHINGS_CLIENT_ID: withingsClientId } = secrets;
  // Recorded before it is sent: a failed upload may have taken effect.
  if (withingsClientId !== undefined) keep({ withingsClientId });
  const attended = await mayWranglerAsk(cloudflare, context.attended, chosen.domain, frontName(project));
  const uploadWith = async (sent: Secrets) =>
    withRemedy('Deploying the Worker', async () => upload(wrangler, { config, secrets: sent, attended }));
  const output = await uploadWith(secrets);
  // A replaced keyring is written after it was sent: the file may be the only place of the one before.
  if (context.stateDir.secrets() !== undefined) context.stateDir.keepSecrets(secrets);
  const url = chosen.domain === undefined ? workersDevUrl(output) : `https://${chosen.domain}`;
  if (chosen.domain === undefined && url !== earlier?.workersDevUrl) {
    keep({ workersDevUrl: url });
    configure(url);
    await uploadWith({});
    context.say(`PUBLIC_URL: ${url}`);
  }
  context.say(`Worker ${project.name}: deployed${namesOf(secrets)}`);
  return url;
};

/** Deploys the front, which takes the domain over. */
const deployFront = async (
  { project, wrangler, cloudflare, frontSecrets: secrets }: Plan,
  resources: Resources,
  domain: string,
  { env, stateDir, attended, say }: DeployContext,
): Promise<void> => {
  const mayAsk = await mayWranglerAsk(cloudflare, attended, domain, project.name);
  const config = stateDir.writeFrontConfig(frontConfig(project, resources, domain));
  const name = frontName(project);
  await withRemedy('Deploying the front', async () =>
    upload(wrangler, {
      config,
      secrets,
      attended: mayAsk,
      ...(env['WRANGLER_CI_OVERRIDE_NAME'] && { name }),
    }),
  );
  say(`front ${name}: deployed${namesOf(secrets)}`);
};

const namesOf = (secrets: Secrets): string => {
  const names = Object.keys(secrets).join(', ');
  return names === '' ? '' : `, with ${names}`;
};

/** The account to deploy to. It must be the one of the state folder. */
const accountOf = async (
  options: DeployOptions,
  { env, stateDir, ask, wranglerWith }: DeployContext,
  earlier: KeptDeployment | undefined,
): Promise<string> => {
  const accountId = await findAccount(wranglerWith(env), options.accountId ?? earlier?.accountId, ask);
  if (earlier === undefined || earlier.accountId === accountId) return accountId;
  throw userError(
    `${stateDir.path('.')} belongs to the account ${earlier.accountId}. Choose another folder with --state.`,
  );
};

/** Where the database runs, and so the Worker; undefined if Cloudflare does not say. */
const regionOf = async (
  { cloudflare }: Plan,
  databaseId: string,
  say: DeployContext['say'],
): Promise<string | undefined> => {
  const location = await withRemedy('Reading where the database runs', async () =>
    locationOfDatabase(cloudflare, databaseId),
  );
  const region = regionBeside(location);
  say(
    region === undefined
      ? 'database: Cloudflare does not say where it runs, so the Worker runs near its users'
      : `database: runs in ${location}, and the Worker beside it (${region})`,
  );
  return region;
};
