import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS } from '../../domain/time.ts';
import { forgetErasures } from '../../store/access/minted.ts';
import { deleteAuditEntries } from '../../store/apps/audit.ts';
import { bringForward, sweepExpired } from '../../store/operator/work-due.ts';
import { deleteOrphan, findOrphan } from '../../store/users/erasure.ts';
import type { Deps } from '../deps.ts';

/** Rows of each kind that one round trip deletes: each is a row written or two. */
const MAX_SWEPT = 200;

/** Deletes a bounded part of what has expired; whether more may be left. */
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

/** The minute of each hour in which a tick looks for what nothing tells it is due. */
const HOUSEKEEPING_MINUTE = 47;

export const isHousekeepingDue = (now: EpochMs): boolean =>
  Math.floor((now % HOUR_MS) / MINUTE_MS) === HOUSEKEEPING_MINUTE;

/** Entries that one look deletes, of two or three rows each: 12,000 a day, far more than are made. */
const MAX_AUDIT_ENTRIES = 500;

/** What a tick does once an hour, each a bounded part of it. */
export const keepHouse = async (deps: Deps): Promise<void> => {
  const now = deps.now();
  await forgetErasures(deps.db, now);
  const deleted = await deleteAuditEntries(deps.db, now - deps.settings.auditRetentionMs, MAX_AUDIT_ENTRIES);
  if (deleted.ok && deleted.value > 0) {
    deps.log({ level: 'info', event: 'tick', outcome: 'audit_swept', count: deleted.value });
  }
  await sweepOrphans(deps);
};

/** Rows of each table of body data that one look deletes. */
const MAX_ORPHANED = 10_000;
/** Ids of connections are random below this. */
const ID_SPACE = 2 ** 52;
/** Its multiples, less their whole part, spread over 0 to 1 evenly, however many there are so far. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/**
 * Deletes body data whose connection is gone, a bounded part of it. A second net: no statement leaves any. Each hour it looks at another
 * place, and notes nothing. What it finds is an error in the log, because a user's data outlived their erasure.
 */
const sweepOrphans = async (deps: Deps): Promise<void> => {
  const hours = Math.floor(deps.now() / HOUR_MS);
  const orphan = await findOrphan(deps.db, Math.floor(((hours * GOLDEN_RATIO) % 1) * ID_SPACE));
  if (!orphan.ok || orphan.value === undefined) return;
  const swept = await deleteOrphan(deps.db, orphan.value, MAX_ORPHANED);
  if (!swept.ok) deps.log({ level: 'warn', event: 'tick', outcome: 'sweep_failed', reason: swept.failure.kind });
  else deps.log({ level: 'error', event: 'tick', outcome: 'orphan_swept', count: swept.value });
};

/** Longer than any pause that is meant: a disabled app's connections are looked at once a month. */
const LONGEST_PAUSE_MS = 31 * DAY_MS;

/** Makes due again what an isolate whose clock was ahead put off to a time when its tokens are dead. Once an hour. */
export const bringBackFromAhead = async (deps: Deps): Promise<void> => {
  const refreshMs = Math.max(deps.settings.refreshPolicy.idleIntervalMs, LONGEST_PAUSE_MS) + DAY_MS;
  const horizon = { refreshMs, doubtMs: 2 * HOUR_MS, otherMs: 2 * DAY_MS };
  const brought = await bringForward(deps.db, horizon, deps.now());
  if (brought.ok && brought.value > 0) {
    deps.log({ level: 'error', event: 'tick', outcome: 'due_dates_corrected', count: brought.value });
  }
};
