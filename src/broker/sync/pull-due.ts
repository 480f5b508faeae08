import type { Failure } from '../../domain/failure.ts';
import { planPull, type PullPlan } from '../../domain/pull.ts';
import type { Result } from '../../domain/result.ts';
import { HOUR_MS, SECOND_MS } from '../../domain/time.ts';
import { type DuePull, duePulls, setNextPulls } from '../../store/sync/due-pulls.ts';
import { type Deps, uniform } from '../deps.ts';
import type { SyncPurpose } from './start-sync.ts';
import { sync } from './sync.ts';

/** Reads an older window again too, to find deletions at Withings. Has a share of its own. */
const WITH_WINDOW: SyncPurpose = { share: 'review', isAsked: false, isUse: false, review: 'older' };
/** Takes what pushes and apps leave of the syncs' share. */
const NEWS_ALONE: SyncPurpose = { share: 'sync', yields: true, isAsked: false, isUse: false, review: undefined };

/** When a failed pull is tried again. */
const POSTPONED_MS = HOUR_MS;
/** Connections that a tick looks at for each one that it pulls: most of them were pushed. */
const LOOKED_AT = 10;
/** After this time no further pull waits for its requests. */
const PATIENCE_MS = 45 * SECOND_MS;
/** D1 calls of one pull with its refresh and its retried writes. */
const CALLS_OF_PULL = 14;
/** How often a connection that was synced anyway has its older window reviewed in place of a pull. */
const PART_FOR_WAITING = 1 / 4;

type Planned = { due: DuePull; plan: PullPlan };

/**
 * Asks Withings about connections that nothing else has synced for a day, those due longest first: pushes may be lost.
 * One of a tick also has an older window read again. Those that were synced get their next turn. What fails is due
 * again in an hour, and what the share has no request for is due still.
 */
export const pullDue = async (deps: Deps, callsLeft: () => number): Promise<void> => {
  const most = deps.settings.pullsPerTick;
  const due = await duePulls(deps.db, deps.now(), most * LOOKED_AT);
  if (!due.ok) return deps.log({ level: 'warn', event: 'tick', outcome: 'pull_failed', reason: due.failure.kind });
  const planned = due.value.map((one) => ({ due: one, plan: planPull(one, deps.now()) }));
  const { pulls, reviewed } = choose(planned, most, uniform(deps.random));
  const moved = planned.filter((one) => isSettled(one) && one !== reviewed);
  const set = await setNextPulls(deps.db, moved.map(toNext));
  const until = deps.now() + PATIENCE_MS;
  for (const one of set.ok ? pulls : []) {
    if (callsLeft() < CALLS_OF_PULL) return;
    if (!(await pullOne(deps, one, one === reviewed ? WITH_WINDOW : NEWS_ALONE, until))) return;
  }
};

/** Whether it needs no request now. */
const isSettled = ({ plan: { kind } }: Planned): boolean => kind === 'wait' || kind === 'rest';

const toNext = ({ due, plan }: Planned) => ({ connectionId: due.connectionId, at: plan.nextAt });

/** Which connections are pulled, and which of them has a window reviewed. */
const choose = (planned: readonly Planned[], most: number, chance: number) => {
  const asked = planned.filter((one) => !isSettled(one));
  const waiting = planned.filter(({ plan }) => plan.kind === 'wait');
  const hasTurn = asked.length === 0 || chance < PART_FOR_WAITING;
  // The chance is the same for each, whatever their order.
  const inTurn = hasTurn
    ? waiting[Math.floor((chance / (asked.length === 0 ? 1 : PART_FOR_WAITING)) * waiting.length)]
    : undefined;
  const reviewed = asked.find(({ plan }) => plan.kind === 'confirm') ?? inTurn ?? asked[0];
  const pulls = reviewed === undefined ? [] : [reviewed, ...asked.filter((one) => one !== reviewed)].slice(0, most);
  return { pulls, reviewed };
};

/** Pulls one connection; false if the share has no request for it, nor for another. */
const pullOne = async (deps: Deps, one: Planned, purpose: SyncPurpose, until: number): Promise<boolean> => {
  const { connectionId, dueAt } = one.due;
  // First, so that a connection that cannot be read does not block the others.
  const set = await setNextPulls(deps.db, [toNext(one)]);
  if (!set.ok) return false;
  const pulled = await syncPatiently(deps, one.due, purpose, until);
  if (pulled.ok) return true;
  const { failure } = pulled;
  if (failure.kind === 'over_share' && purpose === NEWS_ALONE) {
    await setNextPulls(deps.db, [{ connectionId, at: dueAt }]);
    return false;
  }
  if (failure.kind === 'reauth_required' || failure.kind === 'not_connected') return true;
  await setNextPulls(deps.db, [{ connectionId, at: deps.now() + POSTPONED_MS }]);
  return failure.kind !== 'withings_unavailable' || failure.cause !== 'client_rejected';
};

/** The share gives its requests at an even pace, so a tick waits for the next one. */
const syncPatiently = async (
  deps: Deps,
  { connectionId }: DuePull,
  purpose: SyncPurpose,
  until: number,
): Promise<Result<unknown, Failure>> => {
  for (;;) {
    const pulled = await sync(deps, { id: connectionId }, purpose);
    if (pulled.ok || pulled.failure.kind !== 'over_share') return pulled;
    const pauseMs = pulled.failure.retryAfterSeconds * SECOND_MS;
    if (deps.now() + pauseMs > until) return pulled;
    await deps.sleep(pauseMs);
  }
};
