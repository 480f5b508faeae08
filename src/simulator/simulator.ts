/**
 * A Withings for development and tests: people who allow or deny access, tokens that expire and rotate, and
 * measurements, on one origin. As strict as what is published and recorded of Withings; where the sources are
 * silent, the stricter reading, or a setting.
 */
import { createApp } from './app.ts';
import type { Outgoing } from './notify/callbacks.ts';
import type { Client } from './oauth/client.ts';
import type { PersonSeed } from './people/people.ts';
import type { Random } from './random.ts';
import type { Settings } from './settings.ts';
import type { Snapshot } from './snapshot.ts';
import { createState, type SimulatorState } from './state.ts';

export type SimulatorOptions = {
  /** Real time in ms since the epoch; the simulator's clock starts there and can be moved. */
  now?: () => number;
  random?: Random;
  /** Registered apps; more can be added to `state.clients`. */
  clients?: Client[];
  settings?: Partial<Settings>;
  /** How callbacks of notifications are reached; if absent, none can be. */
  outgoing?: Outgoing;
  /** Who has an account; the demo people when absent. */
  people?: PersonSeed[];
  /** An earlier simulator's state, to continue from; `people` is ignored then. */
  snapshot?: Snapshot | undefined;
};

export type Simulator = {
  /**
   * Answers a request to any host by its path, like `fetch` with `redirect: 'manual'`. Rejects with a TypeError
   * when a fault breaks the connection, and with the signal's reason when the caller gives up on a late answer.
   */
  fetch: (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;
  /** Sends the pushes that are due, repetitions of failed ones included: how many. Call it when the clock has moved. */
  deliverPushes: () => Promise<number>;
  /** All it knows, to look at and to change between calls. */
  state: SimulatorState;
};

/** A Withings of its own, sharing nothing with any other. */
export const createSimulator = (options: SimulatorOptions = {}): Simulator => {
  const state = createState({
    now: options.now ?? Date.now,
    random: options.random ?? ((bytes) => crypto.getRandomValues(bytes)),
    clients: options.clients ?? [],
    settings: options.settings ?? {},
    outgoing: options.outgoing ?? unreachable,
    people: options.people,
    snapshot: options.snapshot,
  });
  const app = createApp(state);
  return {
    fetch: async (input, init) => {
      const request = new Request(input, init);
      request.signal.throwIfAborted();
      return app.fetch(request);
    },
    deliverPushes: state.notifications.pushes.deliver,
    state,
  };
};

const unreachable = async (): Promise<Response> => {
  throw new TypeError('fetch failed');
};
