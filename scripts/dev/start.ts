import { userError } from '../user-error.ts';
import { type Child, stopChild } from './children.ts';
import { authUrl, type DemoApp, demoApp, serveDemoApp } from './demo-app.ts';
import { type ChosenPort, choosePort, LOCALHOST } from './ports.ts';
import { SIMULATED_CLIENT, startSimulator } from './simulated-withings.ts';
import { localSecrets, openState } from './state.ts';
import { migrate, startClock, startWorker, type Withings } from './worker.ts';

const USUAL_PORTS = { worker: 8787, simulator: 8788, demoApp: 8789 };

export type DevOptions = {
  port: string | undefined;
  simulatorPort: string | undefined;
  /** The folder of the local data. */
  state: string;
  /** Another Withings, both of its hosts behind one URL. */
  upstream: string | undefined;
  clientId: string | undefined;
  clientSecret: string | undefined;
  /** Settings of the broker, as docs/settings.md lists them. */
  settings: Record<string, string>;
  /** Gets what the Worker logs. */
  onLog: (line: string) => void;
  /** Called if a part ends unexpectedly. */
  onLost: (sentence: string) => void;
};

export type Running = {
  url: string;
  simulatorUrl: string;
  simulated: boolean;
  callbackUrl: string;
  app: DemoApp;
  operatorToken: string;
  authUrl: string;
  stateDir: string;
  /** Notes about deviations, such as another port. */
  notes: string[];
};

/**
 * Starts everything: the simulated Withings (or none, with `upstream`), the Worker, its clock, and the demo app's page.
 *
 * @param parts gets each part as it starts, so that what has started is stopped when a later part fails
 */
export const startDev = async (options: DevOptions, parts: Cleanup): Promise<Running> => {
  const upstream = parseUpstream(options.upstream);
  const state = openState(options.state);
  parts.add(async () => state.release());
  const ports = await choosePorts(options);
  const url = `http://${LOCALHOST}:${ports.worker.port}`;
  const callbackUrls = [LOCALHOST, 'localhost'].map((host) => `http://${host}:${ports.worker.port}/withings/callback`);
  const withings: Withings = {
    url: upstream ?? `http://${LOCALHOST}:${ports.simulator.port}`,
    clientId: options.clientId ?? SIMULATED_CLIENT.clientId,
    clientSecret: options.clientSecret ?? SIMULATED_CLIENT.clientSecret,
    simulated: upstream === undefined,
  };
  const keep = (child: Child, what: string): void => {
    parts.add(async () => stopChild(child));
    child.process.once('exit', () => {
      if (!parts.stopping()) options.onLost(`${what} ended:\n${child.recentOutput()}`);
    });
  };
  const [secrets] = await Promise.all([
    localSecrets(state),
    migrate(state),
    upstream === undefined
      ? startSimulator(state, { port: ports.simulator.port, withings, callbackUrls }).then((child) =>
          keep(child, 'The simulated Withings'),
        )
      : undefined,
  ]);
  keep(
    await startWorker(state, {
      port: ports.worker.port,
      secrets,
      withings,
      settings: options.settings,
      onLine: options.onLog,
    }),
    'The Worker',
  );
  const clock = startClock(url);
  parts.add(async () => clearInterval(clock));
  const app = await demoApp(state, url, secrets.operatorToken);
  const page = await serveDemoApp(ports.demoApp.port, url, app);
  parts.add(async () => page.server.close().closeAllConnections());
  return {
    url,
    simulatorUrl: withings.url,
    simulated: upstream === undefined,
    callbackUrl: callbackUrls[0] ?? '',
    app,
    operatorToken: secrets.operatorToken,
    authUrl: authUrl(url, app, page.redirectUri),
    stateDir: state.dir,
    notes: Object.values(ports).flatMap(({ note }) => note ?? []),
  };
};

type Ports = { worker: ChosenPort; simulator: ChosenPort; demoApp: ChosenPort };

const choosePorts = async (options: DevOptions): Promise<Ports> => {
  const worker = await choosePort('The Worker', { flag: '--port', wanted: options.port, usual: USUAL_PORTS.worker });
  const simulator =
    options.upstream === undefined
      ? await choosePort('The simulated Withings', {
          flag: '--simulator-port',
          wanted: options.simulatorPort,
          usual: USUAL_PORTS.simulator,
        })
      : { port: 0 };
  // Any free port: the link contains it.
  const wanted = options.port === undefined ? undefined : '0';
  const demoApp = await choosePort("The demo app's page", { flag: '--port', wanted, usual: USUAL_PORTS.demoApp });
  return { worker, simulator, demoApp };
};

/** The origin of another Withings. */
const parseUpstream = (upstream: string | undefined): string | undefined => {
  if (upstream === undefined) return undefined;
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search !== '') {
    throw userError('--upstream takes an origin, such as http://127.0.0.1:9000.');
  }
  return url.origin;
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
