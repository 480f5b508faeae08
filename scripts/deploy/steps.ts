/**
 * A deployment, step by step. Every step looks before it acts, so that a run that was cut off anywhere is simply run again, and a later run
 * upgrades: migrations before code, secrets kept.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import * as z from 'zod';

import { explained } from '../explained.ts';
import { mintSecrets } from '../secrets.ts';
import { deploymentConfig } from './config-file.ts';
import { jsonIn, type Wrangler } from './wrangler.ts';

export const NAME = 'mushu-health';
export const CONFIG = 'wrangler.deploy.toml';
const NAMESPACE = `${NAME}-LINKS`;
const HEALTH_TRIES = 20;
const HEALTH_PAUSE_MS = 3_000;

export type Wishes = {
  domain: string | undefined;
  jurisdiction: string | undefined;
  /** Needed at the first deployment; afterwards the Worker has them. */
  clientId: string | undefined;
  clientSecret: string | undefined;
};

/** The steps of one deployment, each a function that does it. `say` gets a line for each thing that was done or found. */
export const deploymentSteps = (wrangler: Wrangler, wishes: Wishes, say: (line: string) => void) => {
  const inConfig = (args: string[], env?: Record<string, string>) => wrangler([...args, '--config', CONFIG], env);
  const jurisdiction = wishes.jurisdiction === undefined ? [] : ['--jurisdiction', wishes.jurisdiction];

  const logIn = async (): Promise<void> => {
    try {
      await wrangler(['whoami', '--json']);
    } catch {
      throw explained('Nobody is logged in at Cloudflare. Run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN.');
    }
  };

  const database = async (): Promise<string> => {
    const find = async () =>
      databases.parse(jsonIn(await wrangler(['d1', 'list', '--json']))).find(({ name }) => name === NAME);
    const present = await find();
    if (present !== undefined) {
      say(`database ${NAME}: there already`);
      return present.uuid;
    }
    await wrangler(['d1', 'create', NAME, ...jurisdiction]);
    const made = await find();
    if (made === undefined) throw explained(`The database ${NAME} was created and is not listed. Run this again.`);
    say(`database ${NAME}: created${wishes.jurisdiction === undefined ? '' : `, kept in ${wishes.jurisdiction}`}`);
    return made.uuid;
  };

  const namespace = async (): Promise<string> => {
    const find = async () =>
      namespaces.parse(jsonIn(await wrangler(['kv', 'namespace', 'list']))).find(({ title }) => title === NAMESPACE);
    const present = await find();
    if (present !== undefined) {
      say(`KV namespace ${NAMESPACE}: there already`);
      return present.id;
    }
    await wrangler(['kv', 'namespace', 'create', NAMESPACE, ...jurisdiction]);
    const made = await find();
    if (made === undefined)
      throw explained(`The namespace ${NAMESPACE} was created and is not listed. Run this again.`);
    say(`KV namespace ${NAMESPACE}: created`);
    return made.id;
  };

  const configure = async (databaseId: string, namespaceId: string): Promise<void> => {
    await writeFile(CONFIG, deploymentConfig({ databaseId, namespaceId, domain: wishes.domain }));
  };

  const migrate = async (): Promise<void> => {
    await inConfig(['d1', 'migrations', 'apply', 'DB', '--remote']);
    say('migrations: applied');
  };

  return { logIn, database, namespace, configure, migrate, ...release(wrangler, wishes, say) };
};

const release = (wrangler: Wrangler, wishes: Wishes, say: (line: string) => void) => {
  /** The names of the secrets that the Worker has; none before its first deployment. */
  const presentSecrets = async (): Promise<string[]> => {
    const listed = await wrangler(['secret', 'list', '--format', 'json', '--config', CONFIG]).catch(
      (error: unknown) => {
        if (error instanceof Error && /10007|not found|does not exist/i.test(error.message)) return '[]';
        throw error;
      },
    );
    return secrets.parse(jsonIn(listed)).map(({ name }) => name);
  };

  /** What this deployment sets: a keyring and an operator's token only where there is none, since a new keyring opens nothing old. */
  const missingSecrets = async (): Promise<Record<string, string>> => {
    const present = await presentSecrets();
    const fresh = await mintSecrets();
    const wanted: Record<string, string | undefined> = {
      WITHINGS_CLIENT_ID: wishes.clientId,
      WITHINGS_CLIENT_SECRET: wishes.clientSecret,
      ...(!present.includes('KEYRING') && { KEYRING: fresh.keyring }),
      ...(!present.includes('OPERATOR_TOKEN') && { OPERATOR_TOKEN: fresh.operatorToken }),
    };
    for (const name of ['WITHINGS_CLIENT_ID', 'WITHINGS_CLIENT_SECRET']) {
      if (wanted[name] === undefined && !present.includes(name)) {
        throw explained(`The first deployment needs ${name}: set it in the environment, or give the flag.`);
      }
    }
    return Object.fromEntries(
      Object.entries(wanted).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
  };

  /** Deploys the code with the secrets that are missing; the address where it then is. */
  const deploy = async (added: Record<string, string>): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'mushu-deploy-'));
    try {
      const [secretsFile, outputFile] = [join(folder, 'secrets.json'), join(folder, 'output.ndjson')];
      await writeFile(secretsFile, JSON.stringify(added), { mode: 0o600 });
      await wrangler(['deploy', '--config', CONFIG, '--secrets-file', secretsFile], {
        WRANGLER_OUTPUT_FILE_PATH: outputFile,
      });
      say('Worker: deployed');
      return deployedUrl(wishes.domain, await readFile(outputFile, 'utf8'));
    } finally {
      await rm(folder, { recursive: true });
    }
  };

  /** Waits until the address answers: a new one takes a while to be known everywhere. */
  const checkHealth = async (url: string): Promise<void> => {
    for (let tries = 1; tries <= HEALTH_TRIES; tries += 1) {
      const answer = await fetch(`${url}/healthz`).catch(() => undefined);
      if (answer?.ok) return say(`${url}/healthz: answers`);
      if (answer?.status === 500)
        throw explained(`${url}/healthz answers 500: see \`npx wrangler tail\` for the reason.`);
      if (tries < HEALTH_TRIES) await pause(HEALTH_PAUSE_MS);
    }
    throw explained(`The Worker is deployed, but ${url}/healthz does not answer yet. Run this again in a few minutes.`);
  };

  return { missingSecrets, deploy, checkHealth };
};

const databases = z.array(z.object({ uuid: z.string(), name: z.string() }));
const namespaces = z.array(z.object({ id: z.string(), title: z.string() }));
const secrets = z.array(z.object({ name: z.string() }));
const outputEntry = z.object({ type: z.string(), targets: z.array(z.string()).optional() });

/** The address, from the record that wrangler writes of what it did. */
const deployedUrl = (domain: string | undefined, output: string): string => {
  if (domain !== undefined) return `https://${domain}`;
  const entries = output
    .split('\n')
    .filter(Boolean)
    .map((line) => outputEntry.parse(JSON.parse(line)));
  const target = entries.findLast(({ type }) => type === 'deploy')?.targets?.find((text) => /^https?:/.test(text));
  if (target === undefined)
    throw explained('The Worker is deployed, but wrangler names no address. Is workers.dev switched on?');
  return new URL(target).origin;
};
