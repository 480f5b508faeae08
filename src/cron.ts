import type { Deps } from './broker/deps.ts';
import { reasonOf, withLogId } from './broker/log.ts';
import { keepSubscribed } from './broker/notify/keep-subscribed.ts';
import { pullDuePushes } from './broker/notify/pull-pushed.ts';
import { alarmIfDatabaseFails } from './broker/operator/alarm-at-once.ts';
import { ALARM_CALLS, alarmStateOf, reconcileAlarmsOfTick } from './broker/operator/alarms.ts';
import { correctFutureDueTimes, isCleanupDue, cleanUpHourly, sweep } from './broker/operator/sweep.ts';
import { compactGroups } from './broker/sync/compact-groups.ts';
import { pollDue } from './broker/sync/poll-due.ts';
import { resumeSyncs } from './broker/sync/resume-syncs.ts';
import { refreshDue } from './broker/tokens/refresh-due.ts';
import { missingKeyIds, advanceKeyRotation } from './broker/tokens/reseal.ts';
import { sendDue, sendRecorded } from './broker/webhooks/deliver.ts';
import { mintId } from './crypto/credential.ts';
import type { AlarmObservations } from './domain/alarm.ts';
import { isNearlyFull } from './domain/database-size.ts';
import { type EpochMs, HOUR_MS, SECOND_MS } from './domain/time.ts';
import { REPEATS } from './store/d1-errors.ts';
import { type WorkDue, workDue } from './store/operator/work-due.ts';

/** What one slice of a sync may take, its refresh and its retried writes included. */
const RESUME_CALLS = 28;
const COMPACTION_CALLS = 2;

/**
 * One tick: reads what is due, does a bounded part of it, and sends the operator what it observed. The rest is due at
 * the next tick. Two ticks at once are harmless, because leases decide who does what.
 */
export const tick = async (invocation: Deps): Promise<void> => {
  const deps = withLogId(invocation, mintId('tick', invocation.random));
  const { shares, alarms } = deps.settings;
  const look = () => {
    const losses = { since: deps.now() - HOUR_MS, most: alarms.reauthSpike };
    return workDue(deps.db, shares.cron, losses, deps.now());
  };
  const askedAt = deps.now();
  let due = await lookPatiently(deps, look);
  if (due.ok && setClock(deps, due.value.databaseNow, askedAt)) due = await look();
  const now = deps.now();
  if (!due.ok) {
    deps.log({ level: 'error', event: 'tick', outcome: 'failed', reason: reasonOf(due.failure) });
    return alarmIfDatabaseFails(deps);
  }
  const { refresh, resume, polls, pushes, subscriptions, expired, webhooks, keyring, compaction } = due.value;
  const maxCalls = deps.settings.callsPerTick - ALARM_CALLS;
  const callsLeft = () => maxCalls - deps.db.calls.made;
  let isMoreExpired = expired && (await runIsolated(deps, () => sweep(deps))) === true;
  if (isCleanupDue(now)) {
    await runIsolated(deps, () => cleanUpHourly(deps));
    await runIsolated(deps, () => correctFutureDueTimes(deps));
  }
  await runIsolated(deps, () => advanceKeyRotation(deps, keyring));
  // If refreshes fail and use more calls, the other work waits for the next tick.
  const mostCalls = resume ? maxCalls - RESUME_CALLS / 2 : maxCalls;
  const client = refresh ? await runIsolated(deps, () => refreshDue(deps, mostCalls)) : undefined;
  if (pushes) await runIsolated(deps, () => pullDuePushes(deps, callsLeft));
  if (resume && callsLeft() >= RESUME_CALLS) await runIsolated(deps, () => resumeSyncs(deps));
  if (polls) await runIsolated(deps, () => pollDue(deps, callsLeft));
  if (webhooks) await runIsolated(deps, () => sendWebhooks(deps, callsLeft));
  const callback = subscriptions ? await runIsolated(deps, () => keepSubscribed(deps, callsLeft)) : undefined;
  if (compaction !== undefined && callsLeft() >= COMPACTION_CALLS) {
    await runIsolated(deps, () => compactGroups(deps, compaction));
  }
  // The rest of the tick's D1 calls delete expired rows.
  while (isMoreExpired && callsLeft() > 0) isMoreExpired = (await runIsolated(deps, () => sweep(deps))) === true;
  const { oldestDueAt } = due.value;
  const lagMs = oldestDueAt === undefined ? 0 : now - oldestDueAt;
  await runIsolated(deps, () =>
    reconcileAlarmsOfTick(deps, due.value.alarms, { ...observe(deps, due.value, { client, callback }), lagMs }),
  );
  // D1 may answer reads and refuse writes.
  await alarmIfDatabaseFails(deps);
};

/** Together the longest failure that D1 recovers from by itself. */
const LOOK_PAUSES_MS = [5 * SECOND_MS, 5 * SECOND_MS, 10 * SECOND_MS];

/** A tick has time to wait for a D1 that loses its connections for a moment. */
const lookPatiently = async (deps: Deps, look: () => ReturnType<typeof workDue>): ReturnType<typeof workDue> => {
  let due = await look();
  for (const pauseMs of LOOK_PAUSES_MS) {
    if (due.ok || REPEATS[due.failure.trouble ?? 'transient'] === undefined) break;
    await deps.sleep(pauseMs);
    due = await look();
  }
  return due;
};

/** What this tick recorded goes out first: its receivers are likely to be up. */
const sendWebhooks = async (deps: Deps, callsLeft: () => number): Promise<void> => {
  await sendRecorded(deps, callsLeft());
  await sendDue(deps, callsLeft());
};

/** Sets the clock by the database's; whether it was off, which the log tells. */
const setClock = (deps: Deps, databaseNow: EpochMs, askedAt: EpochMs): boolean => {
  const aheadMs = deps.correctClock(databaseNow, askedAt);
  if (aheadMs === 0) return false;
  const reason = aheadMs > 0 ? 'ahead' : 'behind';
  deps.log({ level: 'error', event: 'tick', outcome: 'clock_corrected', reason, durationMs: Math.abs(aheadMs) });
  return true;
};

/** What this tick saw that may concern the operator. */
const observe = (
  deps: Deps,
  { lost, databaseBytes, keyring, alarms }: WorkDue,
  { client, callback }: { client: 'accepted' | 'rejected' | undefined; callback: 'reached' | 'refused' | undefined },
): AlarmObservations => {
  const { reauthSpike, databaseMaxBytes, repeatMs } = deps.settings.alarms;
  const unreadable = alarmStateOf(alarms).open.withings_unreadable;
  const missing = missingKeyIds(deps, keyring);
  return {
    reauth_spike: lost >= reauthSpike && `${lost} or more within an hour`,
    database_nearly_full:
      isNearlyFull(databaseBytes, databaseMaxBytes) &&
      `${Math.floor(databaseBytes / 1e6)} of ${Math.floor(databaseMaxBytes / 1e6)} MB`,
    sealing_key_missing: missing.length > 0 && missing.join(', '),
    // Only an answer that was read can show this. A good answer records nothing, because that would cost each sync a
    // row.
    ...(unreadable !== undefined &&
      deps.now() - unreadable.notifiedAt > repeatMs + HOUR_MS && { withings_unreadable: false }),
    ...(callback !== undefined && { notifications_refused: callback === 'refused' && 'met by a subscription' }),
    ...(client !== undefined && { withings_client_rejected: client === 'rejected' && 'met by a refresh' }),
  };
};

/** A mistake of ours in one kind of work must not keep the others from being done. */
const runIsolated = async <Value>(deps: Deps, work: () => Promise<Value>): Promise<Value | undefined> => {
  try {
    return await work();
  } catch (error) {
    deps.log({ level: 'error', event: 'bug', reason: error instanceof Error ? error.name : 'unknown' });
    return undefined;
  }
};
