import type { Failure } from '../../domain/failure.ts';
import { planPoll, type PollPlan } from '../../domain/poll.ts';
import type { Result } from '../../domain/result.ts';
import { HOUR_MS, SECOND_MS } from '../../domain/time.ts';
import { type DuePoll, duePolls, setNextPolls } from '../../store/sync/due-polls.ts';
import { type Deps, uniform } from '../deps.ts';
import type { SyncPurpose } from './start-sync.ts';
import { sync } from './sync.ts';

/** Reads an older window again too, to find deletions at Withings. Has a share of its own. */
const WITH_WINDOW: SyncPurpose = { share: 'review', isAsked: false, isUse: false, review: 'older' };
/** Takes what pushes and apps leave of the syncs' share. */
const NEWS_ALONE: SyncPurpose = { share: 'sync', yields: true, isAsked: false, isUse: false, review: undefined };

/** When a failed poll is tried again. */
const POSTPONED_MS = HOUR_MS;
/** Connections that a tick looks at for each one that it polls: most of them were pushed. */
const LOOKED_AT = 10;
/** After this time no further poll waits for its requests. */
const PATIENCE_MS = 45 * SECOND_MS;
/** D1 calls of one poll with its refresh and its retried writes. */
const CALLS_OF_POLL = 14;
/** How often a connection that was synced anyway has its older window reviewed in place of a poll. */
const PART_FOR_WAITING = 1 / 4;

type Planned = { due: DuePoll; plan: PollPlan };

/**
 * Polls connections that nothing else has synced for a day, those due longest first: pushes may be lost. One of a tick
 * also has an older window reviewed. Those that were synced are due later. What fails is due again in an hour.
 * What the share has no request for stays due.
 */
export const pollDue = async (deps: Deps, callsLeft: () => number): Promise<void> => {
  const most = deps.settings.pollsPerTick;
  const due = await duePolls(deps.db, deps.now(), most * LOOKED_AT);
  if (!due.ok) return deps.log({ level: 'warn', event: 'tick', outcome: 'pull_failed', reason: due.failure.kind });
  const planned = due.value.map((one) => ({ due: one, plan: planPoll(one, deps.now()) }));
  const { polls, reviewed } = choose(planned, most, uniform(deps.random));
  const moved = planned.filter((one) => isSettled(one) && one !== reviewed);
  const set = await setNextPolls(deps.db, moved.map(toNext));
  const until = deps.now() + PATIENCE_MS;
  for (const one of set.ok ? polls : []) {
    if (callsLeft() < CALLS_OF_POLL) return;
    if (!(await pollOne(deps, one, one === reviewed ? WITH_WINDOW : NEWS_ALONE, until))) return;
  }
};

/** Whether it needs no request now. */
const isSettled = ({ plan: { kind } }: Planned): boolean => kind === 'wait' || kind === 'rest';

const toNext = ({ due, plan }: Planned) => ({ connectionId: due.connectionId, at: plan.nextAt });

/** Which connections are polled, and which of them has an older window reviewed. */
const choose = (planned: readonly Planned[], most: number, chance: number) => {
  const toPoll = planned.filter((one) => !isSettled(one));
  const waiting = planned.filter(({ plan }) => plan.kind === 'wait');
  const hasTurn = toPoll.length === 0 || chance < PART_FOR_WAITING;
  // The chance is the same for each, whatever their order.
  const inTurn = hasTurn
    ? waiting[Math.floor((chance / (toPoll.length === 0 ? 1 : PART_FOR_WAITING)) * waiting.length)]
    : undefined;
  const reviewed = toPoll.find(({ plan }) => plan.kind === 'confirm') ?? inTurn ?? toPoll[0];
  const polls = reviewed === undefined ? [] : [reviewed, ...toPoll.filter((one) => one !== reviewed)].slice(0, most);
  return { polls, reviewed };
};

/** Polls one connection; false if the share has no request for it, nor for another. */
const pollOne = async (deps: Deps, one: Planned, purpose: SyncPurpose, until: number): Promise<boolean> => {
  const { connectionId, dueAt } = one.due;
  // First, so that a connection that cannot be read does not block the others.
  const set = await setNextPolls(deps.db, [toNext(one)]);
  if (!set.ok) return false;
  const polled = await syncPatiently(deps, one.due, purpose, until);
  if (polled.ok) return true;
  const { failure } = polled;
  if (failure.kind === 'over_share' && purpose === NEWS_ALONE) {
    await setNextPolls(deps.db, [{ connectionId, at: dueAt }]);
    return false;
  }
  if (failure.kind === 'reauth_required' || failure.kind === 'not_connected') return true;
  await setNextPolls(deps.db, [{ connectionId, at: deps.now() + POSTPONED_MS }]);
  return failure.kind !== 'withings_unavailable' || failure.cause !== 'client_rejected';
};

/** The share gives its requests at an even pace, so a tick waits for the next one. */
const syncPatiently = async (
  deps: Deps,
  { connectionId }: DuePoll,
  purpose: SyncPurpose,
  until: number,
): Promise<Result<unknown, Failure>> => {
  for (;;) {
    const polled = await sync(deps, { id: connectionId }, purpose);
    if (polled.ok || polled.failure.kind !== 'over_share') return polled;
    const pauseMs = polled.failure.retryAfterSeconds * SECOND_MS;
    if (deps.now() + pauseMs > until) return polled;
    await deps.sleep(pauseMs);
  }
};
