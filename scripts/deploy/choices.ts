import type { Ask } from '../../src/cli/ask.ts';
import { userError } from '../user-error.ts';
import { DEFAULT_LOCATION, mustBeLocation } from './location.ts';
import { mustBeJurisdiction, parseDomain, type DeployOptions, WORKERS_DEV } from './options.ts';
import type { ExistingResources } from './resources.ts';
import type { Secrets } from './secrets.ts';
import type { KeptDeployment } from './state-dir.ts';

export type Chosen = {
  domain: string | undefined;
  /** Whether a front holds the domain. */
  hasFront: boolean;
  location: string;
  jurisdiction: string | undefined;
  secrets: Partial<Secrets>;
};

/** Asks for what flags, the environment and earlier runs do not say, and only if it is needed. */
export const askForTheRest = async (
  options: DeployOptions,
  found: ExistingResources,
  earlier: KeptDeployment | undefined,
  ask: Ask,
): Promise<Chosen> => {
  const wanted =
    options.domain ??
    (earlier?.domain === undefined
      ? await ask('Custom domain, such as withings.example.com (empty: workers.dev):')
      : (earlier.domain ?? WORKERS_DEV));
  const domain = parseDomain(wanted);
  const hasFront = options.edge ?? found.frontSecretNames !== undefined;
  if (hasFront) mustHaveDomain(domain);
  const jurisdiction = await chooseJurisdiction(options, found.databaseId, earlier?.jurisdiction, ask);
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
    { name: 'WITHINGS_CLIENT_ID', question: 'Withings client id:', hidden: false, isWanted: false },
    { name: 'WITHINGS_CLIENT_SECRET', question: 'Withings client secret (not shown):', hidden: true, isWanted: false },
    { name: 'KEYRING', question: 'The new keyring (not shown):', hidden: true, isWanted: options.replaceKeyring },
  ];
  for (const { name, question, hidden, isWanted } of questions) {
    const isNeeded = isWanted || (name !== 'KEYRING' && !found.secretNames.includes(name));
    if (secrets[name] !== undefined || !isNeeded) continue;
    const answer = await ask(question, { hidden });
    if (answer !== undefined) secrets[name] = answer;
  }
  return { domain, hasFront, location: location ?? DEFAULT_LOCATION, jurisdiction, secrets };
};

/** @param kept the jurisdiction of the database, or the one that a failed run chose for it */
const chooseJurisdiction = async (
  { jurisdiction: wanted }: DeployOptions,
  databaseId: string | undefined,
  kept: string | undefined,
  ask: Ask,
): Promise<string | undefined> => {
  if (databaseId === undefined) {
    const chosen = wanted ?? kept ?? (await ask('Keep the data in eu, us or fedramp (empty: anywhere):'));
    mustBeJurisdiction(chosen);
    return chosen;
  }
  if (wanted === undefined || wanted === kept) return kept;
  throw userError(
    `The database ${databaseId} has ${kept === undefined ? 'no jurisdiction' : `the jurisdiction ${kept}`}, which is fixed. Leave out --jurisdiction and DEPLOY_JURISDICTION.`,
  );
};

/** Throws if a front is to hold no domain. */
export const mustHaveDomain = (domain: string | undefined): void => {
  if (domain !== undefined) return;
  throw userError(
    '--edge needs a domain of your own: on workers.dev an address is the name of one Worker, so a front would have another. Give --domain.',
  );
};
