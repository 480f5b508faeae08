import type { StorageFailure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import {
  type DueConnection,
  dueConnections,
  postponeRefreshes,
  type ToRefresh,
} from '../../store/tokens/refresh-lease.ts';
import { closeQuota } from '../../store/tokens/withings-quota.ts';
import type { Deps } from '../deps.ts';
import { logAbout, reasonOf } from '../log.ts';
import { type Beginning, beginRefresh, type RefreshCause, type RefreshRun, whyNotGranted } from './begin-refresh.ts';
import type { RefreshOutcome } from './refresh-run.ts';
import { type Refreshed, refresh } from './refresh.ts';
import type { TakeNext } from './store-pair.ts';

/**
 * A disabled app's connections are due again after this. Each attempt writes rows, and the tokens live a year. After
 * the app is enabled, its next sync refreshes anyway.
 */
const DISABLED_APP_PAUSE_MS = 30 * DAY_MS;
/** After this time no further refresh is begun, because the next tick starts. */
const BATCH_MS = MINUTE_MS;
/**
 * This many failures in a row that may concern all connections are taken as an outage of Withings. A single one may
 * concern one connection.
 */
const FAILURES_OF_ALL = 2;
/** How long the cron refreshes nothing while Withings seems to be down. */
const DOWN_PAUSE_MS = 5 * MINUTE_MS;

/** The most D1 calls of one refresh: every step fails, its writes are retried, and the share is closed. */
const WORST_REFRESH_CALLS = 15;

const CAUSE: RefreshCause = { share: 'cron', isUse: false };

/** The state of a batch. */
type Batch = {
  refreshed: number;
  /** Failures in a row that may concern all connections. */
  failures: number;
  /** How long to send nothing to Withings. */
  pauseMs: number;
  isOver: boolean;
  client: 'accepted' | 'rejected' | undefined;
};

/**
 * Refreshes connections in doubt, then those due longest: a bounded batch. A failure of one does not stop the others.
 * If Withings is down or asks to wait, the batch ends and the cron's share is closed, so that the next ticks send
 * nothing.
 *
 * A connection is leased when its refresh is about to be sent, in the round trip that stores the previous pair. A tick
 * that is killed leaves one connection in doubt, and the others due as before.
 *
 * @param mostCalls how many D1 calls this invocation may have made when this returns
 * @returns whether Withings accepts the broker's id and secret; undefined if no request was sent
 */
export const refreshDue = async (deps: Deps, mostCalls: number): Promise<'accepted' | 'rejected' | undefined> => {
  const startedAt = deps.now();
  const due = await dueConnections(deps.db, startedAt, deps.settings.refreshBatch);
  if (!due.ok) {
    deps.log({ level: 'error', event: 'tick', outcome: 'failed', reason: reasonOf(due.failure) });
    return undefined;
  }
  // A refresh in doubt is finished even if the app is disabled: its stored refresh token lives 8 hours.
  const isLeftAlone = ({ appDisabled, isInDoubt }: DueConnection) => appDisabled && !isInDoubt;
  await postpone(deps, due.value.filter(isLeftAlone));
  const waiting: ToRefresh[] = due.value.filter((one) => !isLeftAlone(one));
  const batch: Batch = { refreshed: 0, failures: 0, pauseMs: 0, isOver: false, client: undefined };
  const atOnce = deps.settings.refreshesAtOnce;
  const mayBegin = () =>
    !batch.isOver &&
    deps.now() < startedAt + BATCH_MS &&
    deps.db.calls.made + atOnce * WORST_REFRESH_CALLS <= mostCalls;
  const takeNext = () => (mayBegin() ? waiting.shift() : undefined);

  await Promise.all(Array.from({ length: atOnce }, () => refreshInTurn(deps, batch, takeNext)));
  const { refreshed, pauseMs, client } = batch;
  if (pauseMs > 0) await closeQuota(deps.db, 'cron', deps.settings.shares.cron, deps.now() + pauseMs, deps.now());
  deps.log({ level: 'info', event: 'tick', outcome: 'refreshed', count: refreshed });
  return client;
};

const postpone = async (deps: Deps, disabled: readonly DueConnection[]): Promise<void> => {
  if (disabled.length === 0) return;
  const ids = disabled.map(({ connectionId }) => connectionId);
  await postponeRefreshes(deps.db, ids, deps.now() + DISABLED_APP_PAUSE_MS);
};

/** Refreshes one connection after the other. One that is begun is finished, whatever became of those beside it. */
const refreshInTurn = async (deps: Deps, batch: Batch, takeNext: TakeNext): Promise<void> => {
  let begun = await begin(deps, takeNext);
  while (begun.ok && begun.value !== undefined) {
    if (begun.value.kind === 'not_granted') {
      await endUngranted(deps, batch, begun.value.toRefresh);
      break;
    }
    const { outcome, next } =
      begun.value.kind === 'begun' ? await refreshApart(deps, begun.value.run, takeNext) : HELD_BY_ANOTHER;
    count(batch, outcome);
    begun = next === undefined ? await begin(deps, takeNext) : ok(next);
  }
};

const HELD_BY_ANOTHER: Refreshed = { outcome: { kind: 'superseded' } };

/** Begins the next refresh, if there is one, in a separate round trip. */
const begin = async (deps: Deps, takeNext: TakeNext): Promise<Result<Beginning | undefined, StorageFailure>> => {
  const next = takeNext();
  return next === undefined ? ok(next) : beginRefresh(deps, next, CAUSE);
};

/** The share is used up, or Withings asked to wait for longer. */
const endUngranted = async (deps: Deps, batch: Batch, toRefresh: ToRefresh): Promise<void> => {
  const failure = await whyNotGranted(deps, toRefresh, CAUSE);
  if (failure.kind === 'withings_unavailable') batch.pauseMs = failure.retryAfterSeconds * SECOND_MS;
  deps.log({ level: 'warn', event: 'tick', outcome: 'refreshes_put_off', reason: reasonOf(failure) });
};

const count = (batch: Batch, outcome: RefreshOutcome): void => {
  if (outcome.kind === 'refreshed') batch.refreshed += 1;
  batch.client = clientIn(outcome) ?? batch.client;
  if (outcome.kind !== 'failed' || outcome.reach === 'one') {
    batch.failures = 0;
    return;
  }
  batch.failures += 1;
  if (outcome.reach === 'all') batch.pauseMs = outcome.pauseMs ?? 0;
  else if (batch.failures >= FAILURES_OF_ALL) batch.pauseMs = DOWN_PAUSE_MS;
  batch.isOver = outcome.reach === 'all' || batch.failures >= FAILURES_OF_ALL;
};

const clientIn = (outcome: RefreshOutcome): 'accepted' | 'rejected' | undefined => {
  if (outcome.kind === 'refreshed') return 'accepted';
  const isRejected =
    outcome.kind === 'failed' &&
    outcome.failure.kind === 'withings_unavailable' &&
    outcome.failure.cause === 'client_rejected';
  return isRejected ? 'rejected' : undefined;
};

/** A bug that one connection triggers must not stop the others. */
const refreshApart = async (deps: Deps, run: RefreshRun, takeNext: TakeNext): Promise<Refreshed> => {
  try {
    return await refresh(deps, run, takeNext);
  } catch (error) {
    const reason = error instanceof Error ? error.name : 'unknown';
    await logAbout(deps, run.tokens, { level: 'error', event: 'bug', reason });
    return { outcome: { kind: 'superseded' } };
  }
};
