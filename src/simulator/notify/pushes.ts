/**
 * What is posted to callbacks. Withings sends no values, no signature and no header of its own. After a failure it
 * tries again: five rounds of two tries ("Notification overview" in its developer guide).
 */
import type { Clock } from '../clock.ts';
import type { Settings } from '../settings.ts';
import type { Subscription, Subscriptions } from './subscriptions.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** The pauses before the second round and those after it, each with what is added at random. */
const PAUSES: readonly { ms: number; fromMs: number; toMs: number }[] = [
  { ms: 10 * SECOND_MS, fromMs: 0, toMs: 0 },
  { ms: MINUTE_MS, fromMs: MINUTE_MS, toMs: 10 * MINUTE_MS },
  { ms: HOUR_MS, fromMs: 2 * MINUTE_MS, toMs: 20 * MINUTE_MS },
  { ms: 4 * HOUR_MS, fromMs: 3 * MINUTE_MS, toMs: 30 * MINUTE_MS },
];
const TRIES_A_ROUND = 2;
/** Older ones than these are forgotten, so that a simulator may run for days. */
const OUTCOMES_KEPT = 1_000;

/** A push that waits. */
export type Push = {
  subscriptionId: number;
  callbackUrl: string;
  fields: Record<string, string>;
  dueAtMs: number;
  /** Rounds that failed. */
  round: number;
};

/** How a try ended; null is no answer. */
type PushOutcome = { atMs: number; userid: string; appli: string; httpStatus: number | null };

/** Sends one form to a callback: the status of the answer, or null if none came. */
export type SendPush = (callbackUrl: string, fields: Record<string, string>) => Promise<number | null>;

export type Pushes = {
  /** Queues a push to each of these subscriptions, as the settings have it. */
  queue: (to: readonly Subscription[], fields: Record<string, string>) => void;
  /** Sends what is due, all at once. How many it tried to deliver. */
  deliver: () => Promise<number>;
  pending: () => Push[];
  outcomes: () => PushOutcome[];
  drop: () => void;
};

type Parts = {
  clock: Clock;
  settings: Settings;
  subscriptions: Subscriptions;
  /** From 0 up to 1. */
  random: () => number;
  send: SendPush;
  kept?: Push[] | undefined;
};

/** How long after this round the next one comes; undefined after the last. */
const pauseAfter = (round: number, random: () => number): number | undefined => {
  const pause = PAUSES[round];
  return pause && pause.ms + pause.fromMs + Math.floor(random() * (pause.toMs - pause.fromMs));
};

/** Holds the pushes given, or none yet. */
export const createPushes = ({ clock, settings, subscriptions, random, send, kept = [] }: Parts): Pushes => {
  let pending = kept;
  const outcomes: PushOutcome[] = [];

  const tryOnce = async ({ callbackUrl, fields }: Push): Promise<boolean> => {
    const httpStatus = await send(callbackUrl, fields);
    outcomes.push({ atMs: clock.now(), userid: fields['userid'] ?? '', appli: fields['appli'] ?? '', httpStatus });
    if (outcomes.length > OUTCOMES_KEPT) outcomes.shift();
    // A redirect counts as delivered, and is not followed.
    return httpStatus !== null && httpStatus < 400;
  };

  const deliverOne = async (push: Push): Promise<void> => {
    let delivered = false;
    for (let tries = 0; tries < TRIES_A_ROUND && !delivered; tries += 1) {
      delivered = await tryOnce(push);
    }
    const pauseMs = pauseAfter(push.round, random);
    if (!delivered && pauseMs !== undefined) {
      pending.push({ ...push, round: push.round + 1, dueAtMs: clock.now() + pauseMs });
    }
    // One that has ended since has no more to note. A push counts as failed once, however often it is tried.
    const subscription = subscriptions.get(push.subscriptionId);
    if (subscription !== undefined && (delivered || push.round === 0)) subscriptions.note(subscription, delivered);
  };

  return {
    queue: (to, fields) => {
      if (settings.pushesLost) return;
      const dueAtMs = clock.now() + settings.pushDelaySeconds * SECOND_MS;
      for (const { id, callbackUrl } of to) {
        for (let copy = 0; copy < settings.pushCopies; copy += 1) {
          pending.push({ subscriptionId: id, callbackUrl, fields, dueAtMs, round: 0 });
        }
      }
    },
    deliver: async () => {
      const due = pending.filter(({ dueAtMs }) => dueAtMs <= clock.now());
      pending = pending.filter(({ dueAtMs }) => dueAtMs > clock.now());
      if (settings.pushOrder === 'reversed') due.reverse();
      await Promise.all(due.map(deliverOne));
      return due.length;
    },
    pending: () => pending,
    outcomes: () => outcomes,
    drop: () => {
      pending = [];
    },
  };
};
