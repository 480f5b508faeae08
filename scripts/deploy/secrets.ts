import { isWellFormedCredential } from '../../src/crypto/credential.ts';
import { parseKeyring } from '../../src/crypto/keyring.ts';
import { mintSecrets } from '../secrets.ts';
import { userError } from '../user-error.ts';
import type { StateDir, KeptDeployment } from './state-dir.ts';

/** Secrets by name, as the Worker has them. */
export type Secrets = Record<string, string>;

const WITHINGS = ['WITHINGS_CLIENT_ID', 'WITHINGS_CLIENT_SECRET'] as const;
const OWN = ['KEYRING', 'OPERATOR_TOKEN'] as const;

/**
 * What this run sends: the Withings credentials where they were given, and a keyring and an operator's token only where the Worker has none,
 * since a new keyring opens nothing old. These two come from the environment, or are made and kept in a file before anything is sent: nobody
 * can read them back from Cloudflare.
 *
 * @param given what flags, the environment or a person gave
 * @param present the names of the secrets that the Worker has
 * @param ephemeral whether files of this machine are gone after the run, as in continuous integration
 */
export const secretsToSend = async (
  given: Partial<Secrets>,
  present: string[],
  stateDir: StateDir,
  ephemeral: boolean,
): Promise<Secrets> => {
  const sent: Secrets = {};
  for (const name of WITHINGS) {
    const value = given[name];
    if (value !== undefined) sent[name] = value;
    else if (!present.includes(name)) {
      throw userError(`The first deployment needs ${name}: set it in the environment, or give the flag.`);
    }
  }
  const lacking = OWN.filter((name) => !present.includes(name));
  const toMake = lacking.filter((name) => given[name] === undefined);
  if (toMake.length > 0 && ephemeral) {
    throw userError(
      `The first deployment from here needs ${toMake.join(' and ')}: what it made itself would be lost with this machine. docs/deploying.md says how to make them.`,
    );
  }
  const made = toMake.length > 0 ? (stateDir.secrets() ?? (await make(stateDir))) : undefined;
  for (const name of lacking) sent[name] = given[name] ?? made?.[name] ?? '';
  await mustBeUsable(sent);
  return sent;
};

/**
 * Refuses another Withings client than the Worker has: tokens are good with the client that got them alone, and another one's id and secret,
 * valid as they are, would lose every connection, one by one. A shell that still has the credentials of a trial is enough.
 */
export const mustBeSameClient = (
  { WITHINGS_CLIENT_ID: given }: Partial<Secrets>,
  present: string[],
  earlier: KeptDeployment | undefined,
): void => {
  const { withingsClientId: before } = earlier ?? {};
  if (given === undefined || before === undefined || given === before || !present.includes('WITHINGS_CLIENT_ID'))
    return;
  throw userError(
    `The broker's connections belong to the Withings client ${before}, and WITHINGS_CLIENT_ID names another one, ${given}: with it every user would have to connect again. Leave it out to keep the client, or add --replace-client if that is what you want.`,
  );
};

const make = async (stateDir: StateDir) => {
  const { keyring, operatorToken } = await mintSecrets();
  const made = { KEYRING: keyring, OPERATOR_TOKEN: operatorToken };
  stateDir.keepSecrets(made);
  return made;
};

/** Secrets that the Worker would refuse are refused here, before anything is made. */
const mustBeUsable = async (sent: Secrets): Promise<void> => {
  const { KEYRING: keyring, OPERATOR_TOKEN: operatorToken } = sent;
  if (keyring !== undefined) {
    const parsed = parseKeyring(keyring);
    if (!parsed.ok) throw userError(`${parsed.failure}.`);
  }
  if (operatorToken !== undefined && !(await isWellFormedCredential('operator', operatorToken))) {
    throw userError('OPERATOR_TOKEN is not a credential made for it (mushu_operator_…).');
  }
};
