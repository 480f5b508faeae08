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
 * The secrets that this run sends: the Withings credentials if they are given, and a keyring and an operator token if
 * the Worker has none. A new keyring could not open earlier tokens. These two come from the environment, or are
 * created. A file has both before one that was created is sent: Cloudflare never shows them again.
 *
 * @param given secrets from flags, the environment or a prompt
 * @param present the names of the secrets that the Worker has
 * @param ephemeral whether files of this machine are gone after the run, as in continuous integration
 * @param replaceKeyring whether the given keyring is sent although the Worker has one
 */
export const secretsToSend = async (
  given: Partial<Secrets>,
  present: string[],
  stateDir: StateDir,
  ephemeral: boolean,
  replaceKeyring = false,
): Promise<Secrets> => {
  const sent: Secrets = {};
  if (replaceKeyring) {
    if (given['KEYRING'] === undefined) throw userError('--replace-keyring needs the new KEYRING in the environment.');
    sent['KEYRING'] = given['KEYRING'];
  }
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
  const kept = stateDir.secrets();
  const { keyring: KEYRING, operatorToken: OPERATOR_TOKEN } = await mintSecrets();
  const made = { KEYRING, OPERATOR_TOKEN };
  const own = Object.fromEntries(lacking.map((name) => [name, given[name] ?? kept?.[name] ?? made[name]]));
  Object.assign(sent, own);
  await mustBeUsable(sent);
  if (toMake.length > 0 || kept !== undefined) stateDir.keepSecrets(own);
  return sent;
};

/**
 * Refuses another Withings client than the Worker has. Tokens are valid only with the client that got them, so another
 * valid client would lose every connection, one by one. A shell with the credentials of a trial is enough for that.
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

/**
 * The given secrets without those of a Withings client that cannot be compared: Cloudflare does not show which one the
 * Worker has, and no earlier run from this machine has noted it. The Worker keeps its own.
 */
export const ofKnownClient = (
  given: Partial<Secrets>,
  present: string[],
  earlier: KeptDeployment,
  say: (line: string) => void,
): Partial<Secrets> => {
  const isUnknown = given['WITHINGS_CLIENT_ID'] !== undefined && earlier.withingsClientId === undefined;
  if (!isUnknown || !present.includes('WITHINGS_CLIENT_ID')) return given;
  say(
    `Withings client: the Worker keeps its own. This machine does not know whether that is ${given['WITHINGS_CLIENT_ID']}, so it sends neither the id nor the secret. --replace-client sends both, and WITHINGS_CLIENT_SECRET alone changes the secret.`,
  );
  return Object.fromEntries(
    Object.entries(given).filter(([name]) => !WITHINGS.some((one) => one === name) || !present.includes(name)),
  );
};

/** Refuses secrets that the Worker would refuse, before anything is created. */
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
