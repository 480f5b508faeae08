import { mintId } from '../../crypto/credential.ts';
import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS } from '../../domain/time.ts';
import { forgetErasures } from '../../store/access/user-tokens.ts';
import { deleteAuditEntries } from '../../store/apps/audit.ts';
import { sweepExpired } from '../../store/operator/expired.ts';
import { correctDueTimes } from '../../store/operator/work-due.ts';
import { deleteOrphan, findOrphan } from '../../store/users/erasure.ts';
import { sweepEvents } from '../../store/webhooks/events.ts';
import type { Deps } from '../deps.ts';
import { reviewDisabledAlarm } from '../webhooks/disabled-alarm.ts';

/** How many rows of each kind one round trip deletes. Each costs one or two rows written. */
const MAX_SWEPT = 200;

/** Deletes a bounded part of what has expired. Returns whether there may be more. */
export const sweep = async (deps: Deps): Promise<boolean> => {
  const swept = await sweepExpired(deps.db, deps.now(), MAX_SWEPT);
  if (!swept.ok) {
    deps.log({ level: 'warn', event: 'tick', outcome: 'sweep_failed', reason: swept.failure.kind });
    return false;
  }
  const count = swept.value.reduce((sum, rows) => sum + rows, 0);
  deps.log({ level: 'info', event: 'tick', outcome: 'swept', count });
  return swept.value.some((rows) => rows >= MAX_SWEPT);
};

/** The minute of each hour in which a tick does this work, for which there is no due time. */
const CLEANUP_MINUTE = 47;

export const isCleanupDue = (now: EpochMs): boolean => Math.floor((now % HOUR_MS) / MINUTE_MS) === CLEANUP_MINUTE;

/** How many audit entries one tick deletes, of two or three rows each: 12,000 a day, far more than are written. */
const MAX_AUDIT_ENTRIES = 500;

/** What a tick does once an hour: a bounded part of each. */
export const cleanUpHourly = async (deps: Deps): Promise<void> => {
  const now = deps.now();
  await forgetErasures(deps.db, now);
  const deleted = await deleteAuditEntries(deps.db, now - deps.settings.auditRetentionMs, MAX_AUDIT_ENTRIES);
  if (deleted.ok && deleted.value > 0) {
    deps.log({ level: 'info', event: 'tick', outcome: 'audit_swept', count: deleted.value });
  }
  // Also without any endpoint, when no tick has webhooks to send.
  await sweepEvents(deps.db, mintId('app', deps.random), now);
  await reviewDisabledAlarm(deps);
  await sweepOrphans(deps);
};

/** How many rows of each table of body data one tick deletes. */
const MAX_ORPHANED = 10_000;
/** Ids of connections are random below the first; those of releases up to 0.1 below the second. */
const ID_SPACES = [2 ** 47, 2 ** 52] as const;
/** Its multiples modulo 1 are spread evenly, however many there are. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/**
 * Deletes body data whose connection does not exist, a bounded part. No statement should leave any. Each hour it looks
 * at another id and writes nothing. Anything found is an error in the log, because a user's data outlived their
 * erasure.
 */
const sweepOrphans = async (deps: Deps): Promise<void> => {
  const hours = Math.floor(deps.now() / HOUR_MS);
  const space = ID_SPACES[hours % 2 === 0 ? 0 : 1];
  const orphan = await findOrphan(deps.db, Math.floor(((hours * GOLDEN_RATIO) % 1) * space));
  if (!orphan.ok || orphan.value === undefined) return;
  const swept = await deleteOrphan(deps.db, orphan.value, MAX_ORPHANED);
  if (!swept.ok) deps.log({ level: 'warn', event: 'tick', outcome: 'sweep_failed', reason: swept.failure.kind });
  else deps.log({ level: 'error', event: 'tick', outcome: 'orphan_swept', count: swept.value });
};

/** Longer than any intended pause: a disabled app's connections are due once a month. */
const LONGEST_PAUSE_MS = 31 * DAY_MS;

/** See `correctDueTimes`. Once an hour. */
export const correctFutureDueTimes = async (deps: Deps): Promise<void> => {
  const refreshMs = Math.max(deps.settings.refreshPolicy.idleIntervalMs, LONGEST_PAUSE_MS) + DAY_MS;
  const horizon = { refreshMs, doubtMs: 2 * HOUR_MS, otherMs: 2 * DAY_MS };
  const corrected = await correctDueTimes(deps.db, horizon, deps.now());
  if (corrected.ok && corrected.value > 0) {
    deps.log({ level: 'error', event: 'tick', outcome: 'due_dates_corrected', count: corrected.value });
  }
};
