import type { InferValue } from '@optique/core/parser';

import { userError } from '../user-error.ts';
import type { flags as deployFlags } from './flags.ts';
import { mustBeLocation } from './location.ts';
import type { Secrets } from './secrets.ts';

/** The options from flags and environment, before anything is asked. */
export type DeployOptions = {
  accountId: string | undefined;
  /** A host of a zone in the account, or `workers.dev`. */
  domain: string | undefined;
  /** D1's hint for a new database's primary, such as `weur`. */
  location: string | undefined;
  jurisdiction: string | undefined;
  /** Where to ask for `/healthz`, if not at the address of the broker. */
  healthUrl: string | undefined;
  /** The state folder of a local broker whose apps and keys are copied. */
  importFrom: string | undefined;
  /** Whether its users are copied too. */
  withPeople: boolean;
  /** Whether another Withings client may replace the one that the connections belong to. */
  replaceClient: boolean;
  /** Whether the given keyring replaces the one that the Worker has. */
  replaceKeyring: boolean;
  /** Whether a front holds the domain; if undefined, as it is. */
  edge: boolean | undefined;
  secrets: Partial<Secrets>;
};

export const WORKERS_DEV = 'workers.dev';
const JURISDICTIONS = ['eu', 'us', 'fedramp'];
const SECRET_NAMES = ['KEYRING', 'OPERATOR_TOKEN', 'WITHINGS_CLIENT_ID', 'WITHINGS_CLIENT_SECRET'];

export type Flags = Partial<InferValue<typeof deployFlags>>;

/** Flags come before the environment. An empty variable counts as absent. */
export const readDeployOptions = (flags: Flags, env: NodeJS.ProcessEnv): DeployOptions => {
  const secrets: Partial<Secrets> = {};
  const given: NodeJS.ProcessEnv = {
    ...env,
    ...(flags['client-id'] !== undefined && { WITHINGS_CLIENT_ID: flags['client-id'] }),
    ...(flags['client-secret'] !== undefined && { WITHINGS_CLIENT_SECRET: flags['client-secret'] }),
  };
  for (const name of SECRET_NAMES) {
    const value = given[name];
    if (value !== undefined && value !== '') secrets[name] = value;
  }
  const options: DeployOptions = {
    accountId: flags.account ?? (env['CLOUDFLARE_ACCOUNT_ID'] || undefined),
    domain: flags.domain ?? (env['DEPLOY_DOMAIN'] || undefined),
    location: flags.location ?? (env['DEPLOY_LOCATION'] || undefined),
    jurisdiction: flags.jurisdiction ?? (env['DEPLOY_JURISDICTION'] || undefined),
    healthUrl: flags['health-url'],
    importFrom: flags.import,
    withPeople: flags['with-people'] ?? false,
    replaceClient: flags['replace-client'] ?? false,
    replaceKeyring: flags['replace-keyring'] ?? false,
    edge: edgeOf(flags),
    secrets,
  };
  parseDomain(options.domain);
  mustBeLocation(options.location);
  mustBeJurisdiction(options.jurisdiction);
  return options;
};

const edgeOf = ({ edge, 'no-edge': noEdge }: Flags): boolean | undefined => {
  if (edge === true && noEdge === true) throw userError('--edge and --no-edge exclude each other.');
  return edge === true ? true : noEdge === true ? false : undefined;
};

/** The requested host; undefined for workers.dev. */
export const parseDomain = (text: string | undefined): string | undefined => {
  if (text === undefined || text === WORKERS_DEV) return undefined;
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(text)) return text;
  throw userError('The domain is a host name in lower case, such as withings.example.com, or workers.dev.');
};

/** Throws if Cloudflare has no such jurisdiction. */
export const mustBeJurisdiction = (text: string | undefined): void => {
  if (text !== undefined && !JURISDICTIONS.includes(text)) {
    throw userError(`The jurisdiction is one of ${JURISDICTIONS.join(', ')}.`);
  }
};
