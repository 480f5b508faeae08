/**
 * What a simulator has to remember so that connections survive its restart: people, their data, tokens, settings
 * and the clock. Codes and nonces, which live for moments, and the log of calls are left behind.
 */
import type { Clock, SavedClock } from './clock.ts';
import type { StoredGroup } from './measures/groups.ts';
import type { WeighIns } from './measures/weigh-ins.ts';
import type { Notifications, SavedNotifications } from './notify/notifications.ts';
import type { Grant, Grants } from './oauth/grants.ts';
import { demoPeople, sharedDemoAccount } from './people/demo-people.ts';
import type { People, Person, PersonSeed } from './people/people.ts';
import type { Settings } from './settings.ts';

/** Groups are null if the person's invented past is as it was made. */
type SavedPerson = Omit<Person, 'groups'> & { groups: StoredGroup[] | null };

/** Plain JSON. */
export type Snapshot = {
  version: 1;
  /** Where the invented pasts end, Unix seconds. */
  startSeconds: number;
  clock: SavedClock;
  settings: Settings;
  people: SavedPerson[];
  nextGrpid: number;
  grants: Grant[];
  /** Absent in what an earlier version wrote. */
  notifications?: SavedNotifications;
};

const savedPerson = ({ groups, ...person }: Person): SavedPerson => ({
  ...person,
  groups: groups.changed() ? [...groups.all()] : null,
});

/** The parts of the simulator's state that a snapshot has. */
type SnapshotParts = {
  startSeconds: number;
  clock: Clock;
  settings: Settings;
  people: People;
  weighIns: WeighIns;
  grants: Grants;
  notifications: Notifications;
};

/** The state as it is now; it shares nothing that changes with it once it is turned into JSON. */
export const takeSnapshot = (state: SnapshotParts): Snapshot => ({
  version: 1,
  startSeconds: state.startSeconds,
  clock: state.clock.saved(),
  settings: state.settings,
  people: state.people.list().map(savedPerson),
  nextGrpid: state.weighIns.nextGrpid(),
  grants: state.grants.all(),
  notifications: state.notifications.saved(),
});

/** The people of a snapshot, as seeds. */
export const savedPeople = (snapshot: Snapshot): PersonSeed[] =>
  snapshot.people.map(({ groups, ...person }) => {
    const past = [...demoPeople, sharedDemoAccount].find(({ id }) => id === person.id)?.history;
    const history = groups === null ? past : () => groups;
    return history === undefined ? person : { ...person, history };
  });
