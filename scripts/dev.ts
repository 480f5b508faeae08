/** `npm run dev`: the broker and a simulated Withings on this machine, ready to be tried. `npm run dev -- --help` says more. */
import { parseArgs } from 'node:util';

import { instructions } from './dev/instructions.ts';
import { createCleanup, startDev } from './dev/start.ts';
import { describeError } from './user-error.ts';

const usage = `npm run dev -- [options]      Starts the broker and a simulated Withings on this machine.

  --port N              the broker's port; 0 takes a free one           (default 8787, or a free one if that is taken)
  --simulator-port N    the simulated Withings' port, likewise          (default 8788, or a free one)
  --state DIR           where data, secrets and the log are kept        (default .state)
  --upstream URL        another Withings instead of the simulated one, both of its hosts behind this URL
  --client-id ID        the client at that Withings                     (or WITHINGS_CLIENT_ID; default the simulator's)
  --client-secret S     its secret                                      (or WITHINGS_CLIENT_SECRET)
  --json                print one line of JSON once ready, and nothing else
`;

const parseOptions = () =>
  parseArgs({
    options: {
      port: { type: 'string' },
      'simulator-port': { type: 'string' },
      state: { type: 'string', default: '.state' },
      upstream: { type: 'string' },
      'client-id': { type: 'string' },
      'client-secret': { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }).values;

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

/** npm dies without telling us when it is killed; then nobody is left who could stop us. */
const followNpm = (): void => {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) void stop(0);
  }, 500).unref();
};

const main = async (): Promise<void> => {
  const options = parseOptions();
  if (options.help) {
    console.log(usage);
    return;
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(0));
  followNpm();
  let ready = false;
  const running = await startDev(
    {
      port: options.port,
      simulatorPort: options['simulator-port'],
      state: options.state,
      upstream: options.upstream,
      clientId: options['client-id'] ?? (process.env['WITHINGS_CLIENT_ID'] || undefined),
      clientSecret: options['client-secret'] ?? (process.env['WITHINGS_CLIENT_SECRET'] || undefined),
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
