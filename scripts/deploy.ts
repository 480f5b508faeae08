/** `npm run deploy`: the broker to a Cloudflare account, the first time or as an upgrade. `npm run deploy -- --help` says more. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { ask } from './deploy/ask.ts';
import { CONFIG, deploymentSteps, NAME, type Wishes } from './deploy/steps.ts';
import { wrangler } from './deploy/wrangler.ts';
import { describeError, explained } from './explained.ts';

const usage = `npm run deploy -- [options]      Deploys the broker to your Cloudflare account, or upgrades it there.

  --domain HOST         serve it on this host, whose zone is in the account    (default: workers.dev)
  --jurisdiction J      keep the data in eu, us or fedramp                     (only when the database is made)
  --client-id ID        of your app at Withings                                (or WITHINGS_CLIENT_ID)
  --client-secret S     of your app at Withings                                (or WITHINGS_CLIENT_SECRET)
  --dry-run             show every step, build the bundle, touch nothing
`;

const JURISDICTIONS = ['eu', 'us', 'fedramp'];

const parseOptions = () =>
  parseArgs({
    options: {
      domain: { type: 'string' },
      jurisdiction: { type: 'string' },
      'client-id': { type: 'string' },
      'client-secret': { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }).values;

type Options = ReturnType<typeof parseOptions>;

/** From flags, the environment, or the person at the terminal. */
const gatherWishes = async (options: Options, asking: boolean): Promise<Wishes> => {
  const question = async (text: string) => (asking ? ask(text) : undefined);
  const domain =
    options.domain ?? (await question('Custom domain, such as withings.example.com (empty: workers.dev):'));
  if (domain !== undefined && !/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(domain)) {
    throw explained('--domain takes a host name in lower case, such as withings.example.com.');
  }
  const jurisdiction =
    options.jurisdiction ?? (await question('Keep the data in eu, us or fedramp (empty: anywhere):'));
  if (jurisdiction !== undefined && !JURISDICTIONS.includes(jurisdiction)) {
    throw explained(`--jurisdiction takes ${JURISDICTIONS.join(', ')}.`);
  }
  const kept = 'empty: keep what is deployed';
  const clientId =
    options['client-id'] ?? (process.env['WITHINGS_CLIENT_ID'] || (await question(`Withings client id (${kept}):`)));
  const clientSecret =
    options['client-secret'] ??
    (process.env['WITHINGS_CLIENT_SECRET'] || (await question(`Withings client secret (${kept}):`)));
  return { domain, jurisdiction, clientId, clientSecret };
};

/** Every step in words, and the bundle as it would be sent. */
const rehearse = async ({ domain, jurisdiction }: Wishes): Promise<void> => {
  const where = jurisdiction === undefined ? '' : ` --jurisdiction ${jurisdiction}`;
  const steps = [
    'wrangler whoami                                     is somebody logged in?',
    `wrangler d1 create ${NAME}${where}   unless it is there`,
    `wrangler kv namespace create ${NAME}-LINKS${where}   unless it is there`,
    `write ${CONFIG}                        wrangler.toml with their ids${domain === undefined ? '' : ` and https://${domain}`}`,
    'wrangler secret list                                a keyring and an operator token are made unless they are there',
    'wrangler d1 migrations apply DB --remote            before the code that needs them',
    'wrangler deploy --secrets-file …                    code and missing secrets at once',
    `GET ${domain === undefined ? 'https://….workers.dev' : `https://${domain}`}/healthz`,
  ];
  for (const [index, step] of steps.entries()) console.log(`${index + 1}. ${step}`);
  console.log('\nNothing of that was done. The bundle as it would be sent:\n');
  const folder = await mkdtemp(join(tmpdir(), 'mushu-dry-run-'));
  try {
    console.log(await wrangler(['deploy', '--dry-run', '--outdir', folder]));
  } finally {
    await rm(folder, { recursive: true });
  }
};

const nextSteps = (url: string, added: Record<string, string>): string =>
  [
    '',
    ...(added['OPERATOR_TOKEN'] === undefined ? [] : [`Operator token, shown this once:  ${added['OPERATOR_TOKEN']}`]),
    ...(added['KEYRING'] === undefined
      ? []
      : [
          `Keyring, shown this once:         ${added['KEYRING']}`,
          'Keep both in a password manager: without the keyring, no stored token can be opened.',
        ]),
    '',
    'Next:',
    `1. Register this callback URL for your app at Withings:  ${url}/withings/callback`,
    `2. Sign in with the operator token at ${url}/dashboard, and make an app with its redirect URIs and a key.`,
    `3. Send a user to ${url}/apps/{app_id}/withings/auth?user_id=…&redirect_uri=…`,
  ].join('\n');

const main = async (): Promise<void> => {
  const options = parseOptions();
  if (options.help) {
    console.log(usage);
    return;
  }
  const wishes = await gatherWishes(options, !options['dry-run']);
  if (options['dry-run']) return rehearse(wishes);
  const steps = deploymentSteps(wrangler, wishes, (line) => console.log(`- ${line}`));
  await steps.logIn();
  await steps.configure(await steps.database(), await steps.namespace());
  const added = await steps.missingSecrets();
  await steps.migrate();
  const url = await steps.deploy(added);
  // Before anything else can fail: nobody can read them back.
  console.log(nextSteps(url, added));
  await steps.checkHealth(url);
};

main().catch((error: unknown) => {
  console.error(describeError(error));
  process.exitCode = 1;
});
