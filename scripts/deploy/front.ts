/**
 * The front of two Workers: it holds the domain, starts links from the nearest read replica, and hands everything else
 * to the placed Worker. At each step of adding and of removing it, the domain leads to a Worker that answers.
 */
import * as z from 'zod';

import type { Ask } from '../../src/cli/ask.ts';
import { parseKeyring } from '../../src/crypto/keyring.ts';
import { userError } from '../user-error.ts';
import type { Cloudflare } from './cloudflare.ts';
import { FRONT_SECRETS, frontName, type Project } from './config-file.ts';
import type { Secrets } from './secrets.ts';
import type { StateDir } from './state-dir.ts';
import { withRemedy } from './with-remedy.ts';

const QUESTIONS: Record<(typeof FRONT_SECRETS)[number], string> = {
  KEYRING: 'The keyring, as the Worker has it (not shown):',
  WITHINGS_CLIENT_ID: 'Withings client id, as the Worker has it:',
};

/**
 * The secrets that this run sends to the front: those that the placed Worker gets too, those that the front lacks, and
 * the client's id, because an earlier run may have replaced it in the placed Worker only.
 * Cloudflare shows no secret, so what the placed Worker has already comes from the environment, this machine or the
 * person.
 *
 * @param sent the secrets that this run sends to the placed Worker
 * @param given secrets from flags, the environment or a prompt
 * @param present the names of the secrets that the front has
 */
export const secretsOfFront = async (
  sent: Secrets,
  given: Partial<Secrets>,
  present: readonly string[],
  { stateDir, ask }: { stateDir: StateDir; ask: Ask },
): Promise<Secrets> => {
  const kept = { KEYRING: stateDir.secrets()?.KEYRING, WITHINGS_CLIENT_ID: stateDir.deployment()?.withingsClientId };
  const secrets: Secrets = kept.WITHINGS_CLIENT_ID === undefined ? {} : { WITHINGS_CLIENT_ID: kept.WITHINGS_CLIENT_ID };
  for (const name of FRONT_SECRETS) {
    if (sent[name] === undefined && present.includes(name)) continue;
    const value = sent[name] ?? given[name] ?? kept[name] ?? (await ask(QUESTIONS[name], { hidden: true }));
    if (value === undefined) {
      throw userError(`The front needs the Worker's ${name}, which Cloudflare never shows: set it in the environment.`);
    }
    secrets[name] = value;
  }
  const keyring = secrets['KEYRING'] === undefined ? undefined : parseKeyring(secrets['KEYRING']);
  if (keyring?.ok === false) throw userError(`${keyring.failure}.`);
  return secrets;
};

const heldDomains = z.array(z.object({ hostname: z.string(), service: z.string() }));

/**
 * Whether wrangler may ask the person at the terminal. It asks before it takes a host from whatever serves it, and must
 * not ask if that is only the other one of the two Workers.
 */
export const mayWranglerAsk = async (
  cloudflare: Pick<Cloudflare, 'get'>,
  attended: boolean,
  domain: string | undefined,
  otherWorker: string,
): Promise<boolean> => {
  if (!attended || domain === undefined) return attended;
  const held = await withRemedy('Looking up what serves the domain', async () =>
    cloudflare.get(`/workers/domains?hostname=${domain}`, heldDomains),
  );
  return !held.some(({ hostname, service }) => hostname === domain && service === otherWorker);
};

const replicated = z.object({ read_replication: z.object({ mode: z.string() }) });

/** Switches read replication of a database on or off. */
export const switchReplication = async (
  cloudflare: Pick<Cloudflare, 'put'>,
  databaseId: string,
  mode: 'auto' | 'disabled',
): Promise<void> =>
  withRemedy(`Switching read replication ${mode === 'auto' ? 'on' : 'off'}`, async () => {
    const body = { read_replication: { mode } };
    const now = await cloudflare.put(`/d1/database/${databaseId}`, body, replicated);
    if (now.read_replication.mode !== mode) throw userError('Cloudflare took it, and read replication is as before.');
  });

/**
 * How long the front stays after the domain has moved: Cloudflare needs some seconds to tell all its locations, and
 * requests are under way.
 */
const FRONT_STAYS_MS = 60_000;

/** Removes the front, which holds no domain any more. */
export const removeFront = async (
  cloudflare: Pick<Cloudflare, 'put' | 'delete'>,
  project: Project,
  databaseId: string,
  wait: (ms: number) => Promise<void>,
): Promise<void> => {
  await wait(FRONT_STAYS_MS);
  await switchReplication(cloudflare, databaseId, 'disabled');
  await withRemedy('Deleting the front', async () =>
    cloudflare.delete(`/workers/scripts/${frontName(project)}?force=true`),
  );
};
