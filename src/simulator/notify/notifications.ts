/** Who is notified, and of what. */
import type { Clock } from '../clock.ts';
import type { StoredGroup } from '../measures/groups.ts';
import { toFraction, type Random } from '../random.ts';
import type { Settings } from '../settings.ts';
import { ACCOUNT_APPLI, applisOf } from './applis.ts';
import { createCallbacks, type Callbacks, type Outgoing } from './callbacks.ts';
import { createPushes, type Push, type Pushes } from './pushes.ts';
import { createSubscriptions, type Subscription, type Subscriptions } from './subscriptions.ts';

/** Withings wants a pause between two subscriptions of one person: clients that leave one are not refused. */
type Pace = { allows: (userid: number) => boolean };

/** What a restart has to remember. */
export type SavedNotifications = { subscriptions: Subscription[]; pushes: Push[] };

export type Notifications = {
  subscriptions: Subscriptions;
  pushes: Pushes;
  callbacks: Callbacks;
  pace: Pace;
  /** A group was created (`before` is absent), edited, or deleted (`after` is absent). */
  groupChanged: (userid: number, before: StoredGroup | undefined, after: StoredGroup | undefined) => void;
  /** The person unlinked a client, or all, or deleted the account: that is pushed too. */
  accountChanged: (userid: number, action: 'unlink' | 'delete', clientId?: string) => void;
  /** A client's access to a person ended, or all clients'. */
  accessEnded: (userid: number, clientId?: string) => void;
  saved: () => SavedNotifications;
};

type Parts = {
  clock: Clock;
  settings: Settings;
  random: Random;
  /** Reaches the callbacks. */
  outgoing: Outgoing;
  saved: SavedNotifications | undefined;
};

const createPace = (clock: Clock, settings: Settings): Pace => {
  const lastMs = new Map<number, number>();
  return {
    allows: (userid) => {
      const pausedMs = clock.now() - (lastMs.get(userid) ?? -Infinity);
      if (pausedMs < settings.subscribeSpacingSeconds * 1000) return false;
      lastMs.set(userid, clock.now());
      return true;
    },
  };
};

const isOf =
  (userid: number, clientId?: string) =>
  (one: Subscription): boolean =>
    one.userid === userid && (clientId === undefined || one.clientId === clientId);

/** Without subscriptions yet, or with those of a saved state. */
export const createNotifications = ({ clock, settings, random, outgoing, saved }: Parts): Notifications => {
  const callbacks = createCallbacks(settings, outgoing);
  const subscriptions = createSubscriptions(clock, settings, saved?.subscriptions);
  const pushes = createPushes({
    clock,
    settings,
    subscriptions,
    random: () => toFraction(random),
    send: callbacks.push,
    kept: saved?.pushes,
  });
  const accessEnded = (userid: number, clientId?: string): void => {
    if (settings.revokeEndsSubscriptions) subscriptions.lose(isOf(userid, clientId));
  };
  return {
    subscriptions,
    pushes,
    callbacks,
    pace: createPace(clock, settings),
    groupChanged: (userid, before, after) => {
      const groups = [before, after].filter((group) => group !== undefined);
      const dates = groups.map(({ date }) => date);
      // As recorded: one second wide for one measurement, and ending at it.
      const window = { startdate: String(Math.min(...dates) - 1), enddate: String(Math.max(...dates)) };
      for (const appli of new Set(groups.flatMap(applisOf))) {
        pushes.queue(subscriptions.to(userid, appli), { userid: String(userid), ...window, appli: String(appli) });
      }
    },
    accountChanged: (userid, action, clientId) => {
      const to = subscriptions.to(userid, ACCOUNT_APPLI).filter(isOf(userid, clientId));
      pushes.queue(to, { userid: String(userid), action, appli: String(ACCOUNT_APPLI) });
      if (action === 'delete') subscriptions.lose(isOf(userid));
      else accessEnded(userid, clientId);
    },
    accessEnded,
    saved: () => ({ subscriptions: subscriptions.all(), pushes: pushes.pending() }),
  };
};
