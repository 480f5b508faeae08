import { userError } from '../user-error.ts';
import { mustBeLocation } from './location.ts';
import type { Secrets } from './secrets.ts';

/** What is known before anybody is asked, from flags and the environment. */
export type DeployOptions = {
  accountId: string | undefined;
  /** A host of a zone in the account, or `workers.dev`. */
  domain: string | undefined;
  /** D1's hint for a new database's primary, such as `weur`. */
  location: string | undefined;
  jurisdiction: string | undefined;
  /** Where to look whether the broker is well, if not at its address. */
  healthUrl: string | undefined;
  /** The state of a local broker, to carry its apps and keys over. */
  importFrom: string | undefined;
  /** Whether the people of that broker come along. */
  withPeople: boolean;
  /** Whether another Withings client may take the place of the one that the connections belong to. */
  replaceClient: boolean;
  secrets: Partial<Secrets>;
};

export const WORKERS_DEV = 'workers.dev';
const JURISDICTIONS = ['eu', 'us', 'fedramp'];
const SECRET_NAMES = ['KEYRING', 'OPERATOR_TOKEN', 'WITHINGS_CLIENT_ID', 'WITHINGS_CLIENT_SECRET'];

export type Flags = {
  account?: string;
  domain?: string;
  jurisdiction?: string;
  location?: string;
  'client-id'?: string;
  'client-secret'?: string;
  'health-url'?: string;
  import?: string;
  'with-people'?: boolean;
  'replace-client'?: boolean;
};

/** Flags come before the environment. An empty variable is as good as none. */
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
    secrets,
  };
  parseDomain(options.domain);
  mustBeLocation(options.location);
  mustBeJurisdiction(options.jurisdiction);
  return options;
};

/** The host that was wished for; undefined for workers.dev. */
export const parseDomain = (text: string | undefined): string | undefined => {
  if (text === undefined || text === WORKERS_DEV) return undefined;
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(text)) return text;
  throw userError('The domain is a host name in lower case, such as withings.example.com, or workers.dev.');
};

/** Throws a sentence where Cloudflare knows no such jurisdiction. */
export const mustBeJurisdiction = (text: string | undefined): void => {
  if (text !== undefined && !JURISDICTIONS.includes(text)) {
    throw userError(`The jurisdiction is one of ${JURISDICTIONS.join(', ')}.`);
  }
};
