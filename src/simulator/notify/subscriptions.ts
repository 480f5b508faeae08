import type { Clock } from '../clock.ts';
import type { Settings } from '../settings.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const FAILING_FOR_MS = 20 * DAY_MS;
const FAILURES_IN_A_ROW = 4;

/** That changes of one kind of a person's data are posted to a client's callback. */
export type Subscription = {
  id: number;
  clientId: string;
  userid: number;
  appli: number;
  callbackUrl: string;
  comment: string | null;
  /** Since when no push has been delivered, and how many in a row. */
  failing: { sinceMs: number; pushes: number } | null;
};

type Owner = Pick<Subscription, 'clientId' | 'userid'>;
/** What names a subscription to a client; without `appli`, those to any kind of data. */
type Named = Owner & { callbackUrl: string; appli?: number | undefined };

export type Subscriptions = {
  /** Another one; none if Withings merges equal ones. */
  add: (subscription: Named & { appli: number; comment: string | null }) => void;
  /** A client's of a person, in the order they were made. */
  of: (owner: Owner, appli?: number) => Subscription[];
  /** Those that a change of this kind of a person's data is pushed to. */
  to: (userid: number, appli: number) => Subscription[];
  get: (id: number) => Subscription | undefined;
  all: () => Subscription[];
  /** Ends the matching ones without a word; how many there were. */
  lose: (matches: (subscription: Subscription) => boolean) => number;
  /** Notes whether a push was delivered, and cancels the subscription once too many were not. */
  note: (subscription: Subscription, delivered: boolean) => void;
};

const tooMany = ({ failing }: Subscription, settings: Settings, nowMs: number): boolean => {
  if (failing === null) return false;
  if (settings.cancelSubscriptions === '4_failures') return failing.pushes >= FAILURES_IN_A_ROW;
  return nowMs - failing.sinceMs >= FAILING_FOR_MS;
};

/** Holds the subscriptions given, or none yet. */
export const createSubscriptions = (clock: Clock, settings: Settings, kept: Subscription[] = []): Subscriptions => {
  // By person: a simulator may have tens of thousands.
  const people = Map.groupBy(kept, ({ userid }) => userid);
  let lastId = Math.max(0, ...kept.map(({ id }) => id));
  const byId = new Map(kept.map((subscription) => [subscription.id, subscription]));
  const theirs = (userid: number) => people.get(userid) ?? [];
  const all = () => [...people.values()].flat();
  const lose: Subscriptions['lose'] = (matches) => {
    let lost = 0;
    for (const [userid, subscriptions] of people) {
      const left = subscriptions.filter((subscription) => !matches(subscription));
      if (left.length === subscriptions.length) continue;
      for (const subscription of subscriptions) if (!left.includes(subscription)) byId.delete(subscription.id);
      lost += subscriptions.length - left.length;
      if (left.length === 0) people.delete(userid);
      else people.set(userid, left);
    }
    return lost;
  };
  const of: Subscriptions['of'] = ({ clientId, userid }, appli) =>
    theirs(userid).filter((one) => one.clientId === clientId && (appli === undefined || one.appli === appli));
  return {
    add: ({ comment, ...named }) => {
      const equal = of(named, named.appli).find(({ callbackUrl }) => callbackUrl === named.callbackUrl);
      if (settings.doubleSubscriptions === 'merged' && equal !== undefined) {
        equal.comment = comment;
        return;
      }
      lastId += 1;
      const subscription = { ...named, id: lastId, comment, failing: null };
      byId.set(lastId, subscription);
      people.set(named.userid, [...theirs(named.userid), subscription]);
    },
    of,
    to: (userid, appli) => theirs(userid).filter((one) => one.appli === appli),
    get: (id) => byId.get(id),
    all,
    lose,
    note: (subscription, delivered) => {
      subscription.failing = delivered
        ? null
        : {
            sinceMs: subscription.failing?.sinceMs ?? clock.now(),
            pushes: (subscription.failing?.pushes ?? 0) + 1,
          };
      if (tooMany(subscription, settings, clock.now())) lose(({ id }) => id === subscription.id);
    },
  };
};
