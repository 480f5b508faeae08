import { fileURLToPath } from 'node:url';

import { type Child, stopChild } from './children.ts';
import { authUrl, type DemoApp, demoApp, serveDemoApp } from './demo-app.ts';
import type { DevOptions } from './dev-options.ts';
import { type ChosenPort, choosePort, LOCALHOST } from './ports.ts';
import { originOf, parseReach } from './reach.ts';
import { startSimulator } from './simulated-withings.ts';
import { localSecrets, openState } from './state.ts';
import { otherWithings, simulatedWithings } from './which-withings.ts';
import { migrate, SIMULATED_TICK_MS, startClock, startWorker, TICK_MS, type Withings } from './worker.ts';
import { requireWritable } from './writable.ts';

const USUAL_PORTS = { worker: 8787, simulator: 8788, demoApp: 8789 };

export type Running = {
  url: string;
  withings: Withings;
  callbackUrl: string;
  demoPageUrl: string;
  app: DemoApp;
  operatorToken: string;
  authUrl: string;
  stateDir: string;
  /** Notes about deviations, such as another port. */
  notes: string[];
};

const ROOT = fileURLToPath(import.meta.resolve('../..'));

/**
 * Starts everything: the simulated Withings (or none, with another), the Worker, its clock, and the demo app's page.
 *
 * @param parts gets each part as it starts, so that what has started is stopped when a later part fails
 */
export const startDev = async (options: DevOptions, parts: Cleanup): Promise<Running> => {
  const reach = parseReach(options);
  const upstream = otherWithings(options);
  // Wrangler bundles there, and the build step writes the static files.
  for (const name of ['dist', '.wrangler']) requireWritable(`${ROOT}${name}`, 'Clone into a folder of your own.');
  const state = openState(options.state);
  parts.add(async () => state.release());
  const ports = await choosePorts(options, upstream === undefined);
  const localUrl = `http://${LOCALHOST}:${ports.worker.port}`;
  const url = reach.publicUrl ?? originOf(reach, ports.worker.port);
  const origins = [url, localUrl, `http://localhost:${ports.worker.port}`];
  const callbackUrls = origins.map((origin) => `${origin}/withings/callback`);
  const withings: Withings = upstream ?? simulatedWithings(options, reach, ports.simulator.port);
  const keep = keeper(options, parts);
  const { listenOn } = reach;
  const simulate = () =>
    startSimulator(state, { port: ports.simulator.port, listenOn, withings, callbackUrls, workerUrl: localUrl });
  const [secrets] = await Promise.all([
    localSecrets(state),
    migrate(state),
    withings.kind === 'simulated' ? simulate().then((child) => keep(child, 'The simulated Withings')) : undefined,
  ]);
  const { settings, onLog: onLine } = options;
  const worker = await startWorker(state, { port: ports.worker.port, reach, secrets, withings, settings, onLine });
  keep(worker, 'The Worker');
  const clock = startClock(localUrl, withings.kind === 'simulated' ? SIMULATED_TICK_MS : TICK_MS);
  parts.add(async () => clearInterval(clock));
  const app = await demoApp(state, localUrl, secrets.operatorToken);
  const page = await serveDemoApp(ports.demoApp.port, localUrl, app, listenOn);
  parts.add(async () => page.server.close().closeAllConnections());
  return {
    url,
    withings,
    callbackUrl: callbackUrls[0] ?? '',
    demoPageUrl: page.redirectUri,
    app,
    operatorToken: secrets.operatorToken,
    authUrl: authUrl(url, app, url === localUrl ? page.redirectUri : undefined),
    stateDir: state.dir,
    notes: Object.values(ports).flatMap(({ note }) => note ?? []),
  };
};

/** Stops each part at the end, and says so if one ends by itself. */
const keeper =
  ({ onLost }: DevOptions, parts: Cleanup) =>
  (child: Child, what: string): void => {
    parts.add(async () => stopChild(child));
    child.process.once('exit', () => {
      if (!parts.stopping()) onLost(`${what} ended:\n${child.recentOutput()}`);
    });
  };

type Ports = { worker: ChosenPort; simulator: ChosenPort; demoApp: ChosenPort };

const choosePorts = async (options: DevOptions, isSimulated: boolean): Promise<Ports> => {
  const worker = await choosePort('The Worker', { flag: '--port', wanted: options.port, usual: USUAL_PORTS.worker });
  const simulator = isSimulated
    ? await choosePort('The simulated Withings', {
        flag: '--simulator-port',
        wanted: options.simulatorPort,
        usual: USUAL_PORTS.simulator,
        chosen: [worker.port],
      })
    : { port: 0 };
  const demoApp = await choosePort("The demo app's page", {
    flag: '--demo-port',
    // Any free port, if the Worker's is not the usual one: the link contains it.
    wanted: options.demoPort ?? (options.port === undefined ? undefined : '0'),
    usual: USUAL_PORTS.demoApp,
    chosen: [worker.port, simulator.port],
  });
  return { worker, simulator, demoApp };
};

/** What has been started, and how to stop it: the last first. */
export type Cleanup = {
  add: (stop: () => Promise<unknown>) => void;
  stop: () => Promise<void>;
  stopping: () => boolean;
};

/** An empty list of parts. */
export const createCleanup = (): Cleanup => {
  const stops: (() => Promise<unknown>)[] = [];
  let stopping = false;
  return {
    add: (stop) => stops.push(stop),
    stop: async () => {
      stopping = true;
      for (const stop of stops.splice(0).toReversed()) await stop();
    },
    stopping: () => stopping,
  };
};
