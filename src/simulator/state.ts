import { createCalls, type Calls } from './api/call-log.ts';
import { createLimits, type Limits } from './api/limits.ts';
import { createClock, type Clock } from './clock.ts';
import { createFaults, type Faults } from './faults.ts';
import { createWeighIns, type WeighIns } from './measures/weigh-ins.ts';
import type { Outgoing } from './notify/callbacks.ts';
import { createNotifications, type Notifications } from './notify/notifications.ts';
import type { Client } from './oauth/client.ts';
import { createCodes, type Codes } from './oauth/codes.ts';
import { createGrants, type Grants } from './oauth/grants.ts';
import { createNonces, type Nonces } from './oauth/nonces.ts';
import { demoPeople, sharedDemoAccount } from './people/demo-people.ts';
import { createPeople, type People, type Person, type PersonSeed } from './people/people.ts';
import type { Random } from './random.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { savedPeople, type Snapshot } from './snapshot.ts';

/** Everything the simulated Withings knows. Changes take effect on the next call. */
export type SimulatorState = {
  clock: Clock;
  /** When the clock started, Unix seconds: the invented pasts end there. */
  startSeconds: number;
  settings: Settings;
  clients: Map<string, Client>;
  /** Those the consent page offers, and `demoAccount` beside them. */
  people: People;
  demoAccount: Person;
  weighIns: WeighIns;
  codes: Codes;
  grants: Grants;
  notifications: Notifications;
  nonces: Nonces;
  limits: Limits;
  faults: Faults;
  calls: Calls;
};

type StateOptions = {
  /** Real time, ms since the epoch. */
  now: () => number;
  random: Random;
  clients: Client[];
  settings: Partial<Settings>;
  /** Reaches the callbacks of notifications. */
  outgoing: Outgoing;
  /** Who has an account at the start; the demo people when absent. */
  people: PersonSeed[] | undefined;
  /** What to go on from, instead of `people`. */
  snapshot: Snapshot | undefined;
};

/** A Withings at the moment its clock starts, or as it was when the snapshot was taken. */
export const createState = ({ snapshot, ...options }: StateOptions): SimulatorState => {
  const clock = createClock(options.now, snapshot?.clock);
  const startSeconds = snapshot?.startSeconds ?? clock.seconds();
  const settings = { ...defaultSettings, ...snapshot?.settings, ...options.settings };
  const seeds = snapshot === undefined ? [...(options.people ?? demoPeople), sharedDemoAccount] : savedPeople(snapshot);
  const notifications = createNotifications({ ...options, clock, settings, saved: snapshot?.notifications });
  const people = createPeople(startSeconds, seeds, notifications.groupChanged);
  const demoAccount = people.find(sharedDemoAccount.userid) ?? people.add(sharedDemoAccount);
  if (demoAccount === null) throw new Error('the id of the shared demo account is taken');
  return {
    clock,
    startSeconds,
    settings,
    clients: new Map(options.clients.map((client) => [client.clientId, client])),
    people,
    demoAccount,
    weighIns: createWeighIns(clock, snapshot?.nextGrpid),
    codes: createCodes(clock, options.random),
    notifications,
    grants: createGrants(clock, options.random, settings, snapshot?.grants),
    nonces: createNonces(clock, options.random),
    limits: createLimits(clock, settings),
    faults: createFaults(),
    calls: createCalls(),
  };
};
