import { type DayActivity, lastDays, LOST_WITHIN_DAYS } from '../../domain/activity.ts';
import { type AlarmCode, type AlarmState, isCronSilent, LATE_MS, type OpenAlarm } from '../../domain/alarm.ts';
import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import { DAY_MS, type EpochMs, HOUR_MS } from '../../domain/time.ts';
import { brokerStateText } from '../../store/operator/broker-state.ts';
import {
  failingRefreshes,
  lostConnections,
  type ReasonCount,
  type RefreshBacklog,
  refreshBacklog,
} from '../../store/operator/operator-report.ts';
import { latestEmptyAt } from '../../store/tokens/withings-quota.ts';
import { activityOf } from '../../store/users/activity.ts';
import type { Deps } from '../deps.ts';
import { type KeyringReport, reportKeyring } from '../tokens/reseal.ts';
import { alarmStateOf } from './alarms.ts';

/** Counts for the operator stop at this number. */
export const MAX_SHOWN = 1_000;

/**
 * Whether the cron works: by its waiting work, and by the record that a tick writes once an hour. `paused` if Withings
 * asked to wait or the share is used up.
 */
export type CronHealth = 'keeping_up' | 'paused' | 'late';

/** Figures of the broker for its operator. */
export type BrokerHealth = {
  cron: CronHealth;
  /** When a tick last recorded that it ran, at most once an hour; undefined if none has. */
  lastTickAt: EpochMs | undefined;
  backlog: RefreshBacklog;
  /** Refreshes that fail at present, by their last failure. */
  failing: ReasonCount[];
  /** Connections lost in the last 30 days, whose users have to connect again, by reason. */
  lost: ReasonCount[];
  keyring: KeyringReport;
  /** The active alarms, oldest first. */
  alarms: (OpenAlarm & { code: AlarmCode })[];
};

/** Reads the figures. The number of rows is bounded, whatever the tables hold. */
export const showBrokerHealth = async (deps: Deps): Promise<Result<BrokerHealth, Failure>> => {
  const now = deps.now();
  const [backlog, failing, lost, keyring, alarms] = await Promise.all([
    refreshBacklog(deps.db, MAX_SHOWN, now),
    failingRefreshes(deps.db, MAX_SHOWN, now + HOUR_MS),
    lostConnections(deps.db, MAX_SHOWN, now - LOST_WITHIN_DAYS * DAY_MS),
    reportKeyring(deps),
    brokerStateText(deps.db, 'alarms'),
  ]);
  if (!backlog.ok) return backlog;
  if (!failing.ok) return failing;
  if (!lost.ok) return lost;
  if (!keyring.ok) return keyring;
  if (!alarms.ok) return alarms;
  const noted = alarmStateOf(alarms.value);
  return ok({
    cron: cronHealth(deps, backlog.value, noted, now),
    lastTickAt: noted.tickAt,
    backlog: backlog.value,
    failing: failing.value,
    lost: lost.value,
    keyring: keyring.value,
    alarms: openAlarms(noted),
  });
};

/** Syncs and refreshes of the last days, oldest first. */
export type BrokerActivity = {
  days: DayActivity[];
  /** If there are more connections, the size of the random sample. */
  sampleOf: number | undefined;
};

/**
 * The activity of all apps' users. A function of its own, because it reads a row for each of a thousand connections.
 */
export const showBrokerActivity = async (deps: Deps): Promise<Result<BrokerActivity, Failure>> => {
  const activity = await activityOf(deps.db, undefined, MAX_SHOWN);
  if (!activity.ok) return activity;
  const { days, users } = activity.value;
  return ok({ days: lastDays(days, deps.now()), sampleOf: users < MAX_SHOWN ? undefined : MAX_SHOWN });
};

const openAlarms = ({ open }: AlarmState): BrokerHealth['alarms'] =>
  Object.entries(open)
    .map(([code, alarm]) => ({ code: code as AlarmCode, ...alarm }))
    .sort((left, right) => left.since - right.since);

const cronHealth = (
  { settings }: Pick<Deps, 'settings'>,
  { oldestDueAt, shareEmptyAt }: RefreshBacklog,
  noted: AlarmState,
  now: EpochMs,
): CronHealth => {
  if (isCronSilent(noted, now)) return 'late';
  if (shareEmptyAt !== undefined && shareEmptyAt > latestEmptyAt('cron', settings.shares.cron, now)) return 'paused';
  return oldestDueAt !== undefined && oldestDueAt < now - LATE_MS ? 'late' : 'keeping_up';
};
