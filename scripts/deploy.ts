/**
 * `npm run deploy`: deploys the broker to a Cloudflare account, or upgrades it. `npm run deploy -- --help` lists the
 * flags.
 */
import { setTimeout as wait } from 'node:timers/promises';

import { message } from '@optique/core/message';
import { run } from '@optique/run';

import { askOn } from '../src/cli/ask.ts';
import { deploy } from './deploy/deployment.ts';
import { dryRun } from './deploy/dry-run.ts';
import { flags } from './deploy/flags.ts';
import { readDeployOptions } from './deploy/options.ts';
import { openStateDir, type StateDir } from './deploy/state-dir.ts';
import { wranglerWith } from './deploy/wrangler.ts';
import { runMain } from './user-error.ts';

const nextSteps = (url: string, stateDir: StateDir): string => {
  const kept = Object.keys(stateDir.secrets() ?? {});
  return [
    '',
    ...(kept.length === 0
      ? []
      : [
          `${stateDir.path('secrets.json')} has what the Worker got: ${kept.join(', ')}. Cloudflare never shows it again.`,
          'Move it into a password manager and delete the file. Without the keyring, no stored token can be opened.',
          '',
        ]),
    'Next:',
    `1. Register this callback URL for your app at Withings:  ${url}/withings/callback`,
    `2. Sign in with the operator token at ${url}/dashboard, and create an app with its redirect URIs and a key.`,
    `3. Send a user to ${url}/apps/{app_id}/withings/auth?user_id=…&redirect_uri=…`,
  ].join('\n');
};

const main = async (): Promise<void> => {
  const given = run(flags, {
    programName: 'npm run deploy --',
    help: 'option',
    brief: message`Deploys the broker to your Cloudflare account, or upgrades it.`,
    footer: message`At a terminal it asks for what is missing. Cloudflare's credentials come from ${'npx wrangler login'} or CLOUDFLARE_API_TOKEN. A first deployment creates KEYRING and OPERATOR_TOKEN, or takes them from the environment.`,
    aboveError: 'none',
  });
  const { env, stdin, stdout } = process;
  const options = readDeployOptions(given, env);
  const stateDir = openStateDir(given.state);
  if (given['dry-run']) {
    const domain = options.domain ?? stateDir.deployment()?.domain ?? undefined;
    return dryRun({ ...options, domain }, env, (line) => console.log(line));
  }
  const ephemeral = Boolean(env['CI'] || env['WORKERS_CI']);
  const attended = stdin.isTTY && stdout.isTTY && !ephemeral;
  const ask = attended ? askOn(stdin, stdout) : async () => undefined;
  const url = await deploy(options, {
    env,
    stateDir,
    ask,
    attended,
    ephemeral,
    say: (line) => console.log(`- ${line}`),
    wait,
    wranglerWith,
  });
  console.log(nextSteps(url, stateDir));
};

runMain(main);
