import { fileURLToPath } from 'node:url';

import { type Child, startChild, untilReady } from './children.ts';
import type { State } from './state.ts';
import type { Withings } from './worker.ts';

const PROGRAM = fileURLToPath(import.meta.resolve('../../src/simulator/main.ts'));

/** The client that the simulated Withings knows. Its secret is public. */
export const SIMULATED_CLIENT = { clientId: 'mushu-demo', clientSecret: 'mushu-demo-secret' };

/** Starts the simulated Withings. Its people and tokens are stored in the state folder. */
export const startSimulator = async (
  state: State,
  {
    port,
    listenOn,
    withings: { clientId, clientSecret },
    callbackUrls,
    workerUrl,
  }: { port: number; listenOn: string; withings: Withings; callbackUrls: string[]; workerUrl: string },
): Promise<Child> => {
  const ready = Promise.withResolvers<void>();
  const child = startChild(
    PROGRAM,
    [
      ['--listen', listenOn, '--port', String(port), '--state', state.path('simulator.json')],
      // The Worker is at a port of this machine, which Withings itself would refuse. Browsers may know it by an address
      // that this machine does not reach, as an emulator does.
      ['--any-callback', '--callbacks-at', workerUrl],
      ['--client-id', clientId, '--client-secret', clientSecret],
      ...callbackUrls.map((url) => ['--redirect-uri', url]),
    ].flat(),
    {
      onLine: (line) => {
        if (line.includes('ready at')) ready.resolve();
      },
    },
  );
  await untilReady(child, 'The simulated Withings', ready.promise);
  return child;
};
