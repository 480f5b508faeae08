/** `npm run dev`: the broker and a simulated Withings on this machine. `npm run dev -- --help` lists the flags. */
import { object } from '@optique/core/constructs';
import { type Message, message } from '@optique/core/message';
import { optional, withDefault } from '@optique/core/modifiers';
import type { NonEmptyString } from '@optique/core/nonempty';
import { option } from '@optique/core/primitives';
import type { OptionName } from '@optique/core/usage';
import { string } from '@optique/core/valueparser';
import { run } from '@optique/run';

import { instructions } from './dev/instructions.ts';
import { createCleanup, startDev } from './dev/start.ts';
import { describeError } from './user-error.ts';

const text = (name: OptionName, metavar: NonEmptyString, description: Message) =>
  optional(option(name, string({ metavar }), { description }));

const flags = object({
  port: text(
    '--port',
    'N',
    message`The broker's port; 0 takes a free one. Default 8787, or a free one if that is taken.`,
  ),
  simulatorPort: text('--simulator-port', 'N', message`The simulated Withings' port. Default 8788, or a free one.`),
  state: withDefault(
    option('--state', string({ metavar: 'DIR' }), {
      description: message`Where data, secrets and the log are stored. Default .state.`,
    }),
    '.state',
  ),
  upstream: text(
    '--upstream',
    'URL',
    message`Another Withings instead of the simulated one, with both of its hosts behind this URL.`,
  ),
  clientId: text(
    '--client-id',
    'ID',
    message`The client at that Withings. Or WITHINGS_CLIENT_ID; default the simulator's.`,
  ),
  clientSecret: text('--client-secret', 'S', message`Its secret. Or WITHINGS_CLIENT_SECRET.`),
  json: withDefault(
    option('--json', { description: message`Print one line of JSON when ready, and nothing else.` }),
    false,
  ),
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

/** npm does not pass on that it was killed. Then nothing else would stop this process. */
const followNpm = (): void => {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) void stop(0);
  }, 500).unref();
};

const main = async (): Promise<void> => {
  const options = run(flags, {
    programName: 'npm run dev --',
    help: 'option',
    brief: message`Starts the broker and a simulated Withings on this machine.`,
    aboveError: 'none',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(0));
  followNpm();
  let ready = false;
  const running = await startDev(
    {
      port: options.port,
      simulatorPort: options.simulatorPort,
      state: options.state,
      upstream: options.upstream,
      clientId: options.clientId ?? (process.env['WITHINGS_CLIENT_ID'] || undefined),
      clientSecret: options.clientSecret ?? (process.env['WITHINGS_CLIENT_SECRET'] || undefined),
      onLog: (line) => {
        if (ready && !options.json) console.log(line);
      },
      onLost: failWith,
    },
    parts,
  );
  ready = true;
  const { url, simulatorUrl, app, operatorToken, authUrl } = running;
  const line = {
    url,
    simulator_url: simulatorUrl,
    app_id: app.id,
    api_key: app.key,
    admin_token: operatorToken,
    auth_url: authUrl,
  };
  console.log(options.json ? JSON.stringify(line) : instructions(running));
};

main().catch((error: unknown) => failWith(describeError(error)));
