/** `npm run deploy`: the broker to a Cloudflare account, the first time or as an upgrade. `npm run deploy -- --help` says more. */
import { parseArgs } from 'node:util';

import { askNobody, askOn } from './deploy/ask.ts';
import { deploy } from './deploy/deployment.ts';
import { dryRun } from './deploy/dry-run.ts';
import { readDeployOptions } from './deploy/options.ts';
import { openStateDir } from './deploy/state-dir.ts';
import { describeError } from './user-error.ts';

const usage = `npm run deploy -- [options]      Deploys the broker to your Cloudflare account, or upgrades it there.

  --domain HOST         serve it on this host, whose zone is in the account     (or DEPLOY_DOMAIN; default workers.dev)
  --location L          where a new database runs: weur, eeur, enam, wnam,
                        apac or oc; the Worker runs beside it                   (or DEPLOY_LOCATION; default weur)
  --jurisdiction J      keep the data in eu, us or fedramp, from the beginning  (or DEPLOY_JURISDICTION; default anywhere)
  --client-id ID        of your app at Withings                                 (or WITHINGS_CLIENT_ID)
  --client-secret S     of your app at Withings                                 (or WITHINGS_CLIENT_SECRET)
  --replace-client      take another Withings client than before: every user has to connect again
  --account ID          the account, where the login reaches several            (or CLOUDFLARE_ACCOUNT_ID)
  --import DIR          carry apps, redirect URIs, API keys and accounts over from a local broker, whose state is DIR (.state)
  --with-people         and its people with their connections and measurements (needs its KEYRING in the environment)
  --state DIR           where ids and newly made secrets are kept               (default .deploy)
  --health-url URL      where to look for /healthz, if not at the address
  --dry-run             show every step, build the bundle, touch nothing

What is not given is asked for at a terminal, and only where it is needed. Credentials of Cloudflare come from \`npx wrangler login\` or
CLOUDFLARE_API_TOKEN. A first deployment makes KEYRING and OPERATOR_TOKEN, or takes them from the environment.
`;

const parseFlags = () =>
  parseArgs({
    options: {
      domain: { type: 'string' },
      jurisdiction: { type: 'string' },
      location: { type: 'string' },
      'client-id': { type: 'string' },
      'client-secret': { type: 'string' },
      account: { type: 'string' },
      import: { type: 'string' },
      'with-people': { type: 'boolean', default: false },
      'replace-client': { type: 'boolean', default: false },
      state: { type: 'string', default: '.deploy' },
      'health-url': { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }).values;

const nextSteps = (url: string, secretsFile: string | undefined): string =>
  [
    '',
    ...(secretsFile === undefined
      ? []
      : [
          `The keyring and the operator token that were made are in ${secretsFile}, and nowhere else that you could read them.`,
          'Move them into a password manager and delete the file. Without the keyring, no stored token can be opened.',
          '',
        ]),
    'Next:',
    `1. Register this callback URL for your app at Withings:  ${url}/withings/callback`,
    `2. Sign in with the operator token at ${url}/dashboard, and make an app with its redirect URIs and a key.`,
    `3. Send a user to ${url}/apps/{app_id}/withings/auth?user_id=…&redirect_uri=…`,
  ].join('\n');

const main = async (): Promise<void> => {
  const flags = parseFlags();
  if (flags.help) {
    console.log(usage);
    return;
  }
  const { env, stdin, stdout } = process;
  const options = readDeployOptions(flags, env);
  if (flags['dry-run']) return dryRun(options, env, (line) => console.log(line));
  const stateDir = openStateDir(flags.state);
  const ephemeral = Boolean(env['CI'] || env['WORKERS_CI']);
  const attended = stdin.isTTY && stdout.isTTY && !ephemeral;
  const ask = attended ? askOn(stdin, stdout) : askNobody;
  const url = await deploy(options, {
    env,
    stateDir,
    ask,
    attended,
    ephemeral,
    say: (line) => console.log(`- ${line}`),
  });
  console.log(nextSteps(url, stateDir.secrets() === undefined ? undefined : stateDir.path('secrets.json')));
};

main().catch((error: unknown) => {
  console.error(describeError(error));
  process.exitCode = 1;
});
