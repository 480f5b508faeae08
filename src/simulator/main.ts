/** The simulator as a process: `node src/simulator/main.ts --help`. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

import { serve, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { object } from '@optique/core/constructs';
import { message } from '@optique/core/message';
import { multiple, optional, withDefault } from '@optique/core/modifiers';
import { option } from '@optique/core/primitives';
import { integer, string } from '@optique/core/valueparser';
import { run } from '@optique/run';

import { isConnectionLost } from './faults.ts';
import { createSimulator, type Simulator } from './simulator.ts';
import { takeSnapshot, type Snapshot } from './snapshot.ts';

const values = run(
  object({
    port: withDefault(
      option('--port', integer({ metavar: 'N', min: 0, max: 65_535 }), {
        description: message`Listen on this port; 0 takes a free one.`,
      }),
      0,
    ),
    listen: withDefault(
      option('--listen', string({ metavar: 'ADDRESS' }), { description: message`Listen on this address.` }),
      '127.0.0.1',
    ),
    clientId: withDefault(
      option('--client-id', string({ metavar: 'ID' }), { description: message`The app that may connect.` }),
      'mushu-demo',
    ),
    clientSecret: withDefault(
      option('--client-secret', string({ metavar: 'S' }), { description: message`Its secret.` }),
      'mushu-demo-secret',
    ),
    clientName: withDefault(
      option('--client-name', string({ metavar: 'NAME' }), { description: message`Its name on the consent page.` }),
      'Mushu Health',
    ),
    redirectUris: multiple(
      option('--redirect-uri', string({ metavar: 'URL' }), {
        description: message`A callback URL of the app; give it again for more. Longer paths below it are accepted.`,
      }),
    ),
    anyCallback: withDefault(
      option('--any-callback', {
        description: message`Take every callback of notifications, not only HTTPS on a public domain.`,
      }),
      false,
    ),
    callbacksAt: optional(
      option('--callbacks-at', string({ metavar: 'URL' }), {
        description: message`Reach callbacks of notifications at this origin, whatever host they name.`,
      }),
    ),
    state: optional(
      option('--state', string({ metavar: 'FILE' }), {
        description: message`Keep people, data and tokens there, so that connections survive a restart.`,
      }),
    ),
  }),
  {
    programName: 'node src/simulator/main.ts',
    help: 'option',
    showDefault: true,
    brief: message`A simulated Withings: consent page, token endpoint and measurements on one origin.`,
    aboveError: 'none',
  },
);

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
  const origin = values.callbacksAt;
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
    ...(values.anyCallback && { settings: { callbackUrls: 'any' } }),
    clients: [
      {
        clientId: values.clientId,
        clientSecret: values.clientSecret,
        name: values.clientName,
        redirectUris: [...values.redirectUris],
      },
    ],
  });
  const server = serve(
    {
      fetch: (request, env) => answer(simulator, request, env as HttpBindings),
      hostname: values.listen,
      port: values.port,
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

start();
