/** The simulator as a process: `node src/simulator/main.ts --help`. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { serve, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';

import { isConnectionLost } from './faults.ts';
import { createSimulator, type Simulator } from './simulator.ts';
import { takeSnapshot, type Snapshot } from './snapshot.ts';

const usage = `A simulated Withings: consent page, token endpoint and measurements on one origin.

  --port N             listen on port N; 0, the default, takes a free one
  --listen ADDRESS     listen on this address                      (default: 127.0.0.1)
  --client-id ID       the app that may connect                    (default: mushu-demo)
  --client-secret S    its secret                                  (default: mushu-demo-secret)
  --client-name NAME   how the consent page calls it               (default: Mushu Health)
  --redirect-uri URL   a callback URL of the app; give it again for more. Longer paths below it are accepted
  --any-callback       take every callback of notifications, not only HTTPS on a public domain
  --callbacks-at URL   reach callbacks of notifications at this origin, whatever host they name
  --state FILE         keep people, data and tokens there, so that connections survive a restart
`;

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    listen: { type: 'string', default: '127.0.0.1' },
    'client-id': { type: 'string', default: 'mushu-demo' },
    'client-secret': { type: 'string', default: 'mushu-demo-secret' },
    'client-name': { type: 'string', default: 'Mushu Health' },
    'redirect-uri': { type: 'string', multiple: true, default: [] },
    'any-callback': { type: 'boolean', default: false },
    'callbacks-at': { type: 'string' },
    state: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const restored = (file: string | undefined): Snapshot | undefined => {
  if (file === undefined || !existsSync(file)) return undefined;
  const snapshot: Snapshot = JSON.parse(readFileSync(file, 'utf8'));
  if (snapshot.version !== 1) throw new Error(`${file} was written by another version; delete it to start again`);
  return snapshot;
};

/** Saves before the answer is sent, so that no answer is forgotten. Complete or not at all. */
const save = (simulator: Simulator, file: string | undefined): void => {
  if (file === undefined) return;
  writeFileSync(`${file}.new`, JSON.stringify(takeSnapshot(simulator.state)), { mode: 0o600 });
  renameSync(`${file}.new`, file);
};

/** Answers over HTTP; breaks the connection if a fault says so. */
const answer = async (simulator: Simulator, request: Request, { incoming }: HttpBindings): Promise<Response> => {
  try {
    return await simulator.fetch(request);
  } catch (error) {
    if (!isConnectionLost(error)) throw error;
    incoming.socket.destroy();
    return RESPONSE_ALREADY_SENT;
  } finally {
    if (request.method !== 'GET') {
      save(simulator, values.state);
      void pushDue(simulator);
    }
  }
};

/** Where a callback is reached from here. */
const reachable = (url: string): string => {
  const origin = values['callbacks-at'];
  return origin === undefined ? url : new URL(new URL(url).pathname, origin).href;
};

/** Repetitions of failed pushes become due with time. */
const PUSH_INTERVAL_MS = 1_000;

/** Sends the pushes that are due; nothing waits for them. */
const pushDue = async (simulator: Simulator): Promise<void> => {
  if ((await simulator.deliverPushes()) > 0) save(simulator, values.state);
};

const start = (): void => {
  const simulator = createSimulator({
    snapshot: restored(values.state),
    outgoing: (url, init) => fetch(reachable(url), init),
    ...(values['any-callback'] && { settings: { callbackUrls: 'any' } }),
    clients: [
      {
        clientId: values['client-id'],
        clientSecret: values['client-secret'],
        name: values['client-name'],
        redirectUris: values['redirect-uri'],
      },
    ],
  });
  const server = serve(
    {
      fetch: (request, env) => answer(simulator, request, env as HttpBindings),
      hostname: values.listen,
      port: Number(values.port),
    },
    ({ port }) => console.log(`Simulated Withings ready at http://127.0.0.1:${port}`),
  );
  const pushing = setInterval(() => void pushDue(simulator), PUSH_INTERVAL_MS);
  server.on('error', (error) => {
    console.error(`The simulator cannot listen on port ${values.port}: ${error.message}`);
    clearInterval(pushing);
    process.exitCode = 1;
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      clearInterval(pushing);
      server.close();
      if ('closeAllConnections' in server) server.closeAllConnections();
    });
  }
};

if (values.help) console.log(usage);
else start();
