/** `npm run dev`: the broker and a simulated Withings on this machine. `npm run dev -- --help` lists the flags. */
import { object } from '@optique/core/constructs';
import { message } from '@optique/core/message';
import { multiple } from '@optique/core/modifiers';
import { option } from '@optique/core/primitives';
import { string } from '@optique/core/valueparser';
import { run } from '@optique/run';

import { instructions } from './dev/instructions.ts';
import { SPAWNED_BY } from './dev/spawn.ts';
import { createCleanup, startDev } from './dev/start.ts';
import { isRunning } from './dev/state.ts';
import { flag, textFlag } from './flag.ts';
import { describeError, userError } from './user-error.ts';

const flags = object({
  port: textFlag(
    '--port',
    'N',
    message`The broker's port; 0 takes a free one. Default 8787, or a free one if that is taken.`,
  ),
  simulatorPort: textFlag('--simulator-port', 'N', message`The simulated Withings' port. Default 8788, or a free one.`),
  demoPort: textFlag('--demo-port', 'N', message`The port of the demo app's page. Default 8789, or a free one.`),
  host: textFlag(
    '--host',
    'ADDRESS',
    message`For other devices: this machine's address in your network, or 10.0.2.2 for an Android emulator.`,
  ),
  publicUrl: textFlag('--public-url', 'URL', message`The https origin of a tunnel to the broker's port.`),
  state: textFlag(
    '--state',
    'DIR',
    message`Where data, secrets and the log are stored. Default .state; with --withings .state/real.`,
  ),
  real: flag('--withings', message`The real Withings. Needs a client of yours.`),
  upstream: textFlag(
    '--upstream',
    'URL',
    message`Another Withings instead of the simulated one, with both of its hosts behind this URL.`,
  ),
  clientId: textFlag(
    '--client-id',
    'ID',
    message`The client at that Withings. Or WITHINGS_CLIENT_ID; default the simulator's.`,
  ),
  clientSecret: textFlag('--client-secret', 'S', message`Its secret. Or WITHINGS_CLIENT_SECRET.`),
  settings: multiple(
    option('--setting', string({ metavar: 'NAME=VALUE' }), {
      description: message`A setting of the broker, as docs/settings.md lists them. Can be given several times.`,
    }),
  ),
  json: flag('--json', message`Print one line of JSON when ready, and nothing else.`),
});

const parts = createCleanup();

const stop = async (exitCode: number): Promise<void> => {
  if (parts.stopping()) return;
  await parts.stop();
  process.exit(exitCode);
};

const failWith = (sentence: string): void => {
  console.error(sentence);
  void stop(1);
};

/**
 * npm does not pass on that it was killed, or that what started it is gone. Then nothing else would stop this process.
 */
const followParent = (): void => {
  const parent = process.ppid;
  const { npm_lifecycle_event: npm, [SPAWNED_BY]: spawnedBy } = process.env;
  setInterval(() => {
    const isOrphan = npm !== undefined && process.ppid !== parent;
    if (isOrphan || (spawnedBy !== undefined && !isRunning(Number(spawnedBy)))) void stop(0);
  }, 500).unref();
};

/** The settings in `NAME=VALUE` arguments. */
const settingsIn = (given: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    given.map((text) => {
      const [, name, value] = /^([A-Z_]+)=(.*)$/s.exec(text) ?? [];
      if (name === undefined || value === undefined) throw userError(`--setting takes NAME=VALUE, not ${text}.`);
      return [name, value];
    }),
  );

const main = async (): Promise<void> => {
  const options = run(flags, {
    programName: 'npm run dev --',
    help: 'option',
    brief: message`Starts the broker and a simulated Withings on this machine.`,
    aboveError: 'none',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(0));
  followParent();
  let ready = false;
  if (!options.json) console.log('Starting the broker, which takes a few seconds …');
  const running = await startDev(
    {
      ...options,
      state: options.state ?? (options.real ? '.state/real' : '.state'),
      clientId: options.clientId ?? (process.env['WITHINGS_CLIENT_ID'] || undefined),
      clientSecret: options.clientSecret ?? (process.env['WITHINGS_CLIENT_SECRET'] || undefined),
      settings: settingsIn(options.settings),
      onLog: (line) => {
        if (ready && !options.json) console.log(line);
      },
      onLost: failWith,
    },
    parts,
  );
  ready = true;
  const { url, withings, app, operatorToken, authUrl } = running;
  const line = {
    url,
    simulator_url: withings.loginUrl,
    app_id: app.id,
    api_key: app.key,
    admin_token: operatorToken,
    auth_url: authUrl,
  };
  console.log(options.json ? JSON.stringify(line) : instructions(running));
};

main().catch((error: unknown) => failWith(describeError(error)));
