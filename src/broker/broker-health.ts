import type { Failure } from '../domain/failure.ts';
import { ok, type Result } from '../domain/result.ts';
import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS } from '../domain/time.ts';
import {
  failingRefreshes,
  lostConnections,
  type ReasonCount,
  type RefreshBacklog,
  refreshBacklog,
} from '../store/broker-health.ts';
import { latestEmptyAt } from '../store/request-budget.ts';
import type { Deps } from './deps.ts';
import { type KeyringReport, reportKeyring } from './reseal.ts';

/** Whatever is counted for the operator is counted up to here. */
export const MOST_SHOWN = 1_000;

/** Something due for longer than this was passed over by several ticks. */
const LATE_MS = 10 * MINUTE_MS;
/** How far back losses are shown. */
const LOST_WITHIN_MS = 30 * DAY_MS;

/**
 * Whether the cron does its work, told by what waits for it: a tick writes nothing where nothing is due, so it leaves no trace of its own.
 * `paused` where Withings asked to wait or the share is used up.
 */
export type CronHealth = 'keeping_up' | 'paused' | 'late';

/** The broker at a glance, for its operator. */
export type BrokerHealth = {
  cron: CronHealth;
  backlog: RefreshBacklog;
  /** Refreshes that fail right now, by what happened last. */
  failing: ReasonCount[];
  /** Connections lost in the last 30 days, whose persons have to come back, by reason. */
  lost: ReasonCount[];
  keyring: KeyringReport;
};

/** Looks how the broker is. Reads a bounded number of rows, whatever the tables hold. */
export const showBrokerHealth = async (deps: Deps): Promise<Result<BrokerHealth, Failure>> => {
  const now = deps.now();
  const [backlog, failing, lost, keyring] = await Promise.all([
    refreshBacklog(deps.db, MOST_SHOWN, now),
    failingRefreshes(deps.db, MOST_SHOWN, now + HOUR_MS),
    lostConnections(deps.db, MOST_SHOWN, now - LOST_WITHIN_MS),
    reportKeyring(deps),
  ]);
  if (!backlog.ok) return backlog;
  if (!failing.ok) return failing;
  if (!lost.ok) return lost;
  if (!keyring.ok) return keyring;
  return ok({
    cron: cronHealth(deps, backlog.value, now),
    backlog: backlog.value,
    failing: failing.value,
    lost: lost.value,
    keyring: keyring.value,
  });
};

const cronHealth = (
  { settings }: Pick<Deps, 'settings'>,
  { oldestDueAt, shareEmptyAt }: RefreshBacklog,
  now: EpochMs,
): CronHealth => {
  if (shareEmptyAt !== undefined && shareEmptyAt > latestEmptyAt(settings.shares.cron, now)) return 'paused';
  return oldestDueAt !== undefined && oldestDueAt < now - LATE_MS ? 'late' : 'keeping_up';
};
