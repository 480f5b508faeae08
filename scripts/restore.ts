/**
 * `npm run restore`: takes the deployed database back to an earlier time, without losing the tokens that were rotated
 * since. `npm run restore -- --help` lists the flags.
 */
import { setTimeout as wait } from 'node:timers/promises';

import { object } from '@optique/core/constructs';
import { message } from '@optique/core/message';
import { run } from '@optique/run';

import { askOn } from '../src/cli/ask.ts';
import { sharedFlags } from './deploy/flags.ts';
import { openStateDir } from './deploy/state-dir.ts';
import { wranglerWith } from './deploy/wrangler.ts';
import { flag, textFlag } from './flag.ts';
import { restore } from './restore/restore.ts';
import { runMain, userError } from './user-error.ts';

const flags = object({
  to: textFlag('--to', 'TIME', message`A time such as 2026-06-15T12:00:00Z, or a bookmark of Time Travel. Required.`),
  ...sharedFlags,
  'dry-run': flag('--dry-run', message`Show every step, but change nothing. It needs the login too.`),
});

const main = async (): Promise<void> => {
  const given = run(flags, {
    programName: 'npm run restore --',
    help: 'option',
    brief: message`Takes the deployed database back to an earlier time by D1's Time Travel.`,
    footer: message`Measurements are restored. Tokens, keys, settings, disconnects and erasures stay as they are now. The broker is paused for some minutes. A run that was cut is run again.`,
    aboveError: 'none',
  });
  const { env, stdin, stdout } = process;
  if (given.to === undefined) throw userError('Say when: npm run restore -- --to 2026-06-15T12:00:00Z --dry-run');
  await restore(
    {
      to: given.to,
      accountId: given.account ?? (env['CLOUDFLARE_ACCOUNT_ID'] || undefined),
      healthUrl: given['health-url'],
      dryRun: given['dry-run'],
    },
    {
      env,
      stateDir: openStateDir(given.state),
      ask: stdin.isTTY && stdout.isTTY ? askOn(stdin, stdout) : async () => undefined,
      say: (line) => console.log(`- ${line}`),
      wait,
      wranglerWith,
    },
  );
};

runMain(main);
