import type { Deps } from './broker/deps.ts';
import { refreshDue } from './broker/refresh-due.ts';
import { tendKeyring } from './broker/reseal.ts';
import { resumeSyncs } from './broker/resume-syncs.ts';
import { reviewOneDue } from './broker/review-due.ts';
import { sweep } from './broker/sweep.ts';
import { workDue } from './store/work-due.ts';

/** The free plan allows an invocation 50 D1 calls and 50 fetches. No fetch is made without a D1 call before it, so one count bounds both. */
const MOST_CALLS = 45;
/** What one slice of a sync may take, its refresh and its retried writes included. */
const RESUME_CALLS = 28;

/**
 * One tick: looks once what is due, and does a bounded part of it. What is left over is due at the next tick; two ticks at once do no harm,
 * because leases decide who does what.
 */
export const tick = async (deps: Deps): Promise<void> => {
  const due = await workDue(deps.db, deps.settings.shares.cron, deps.now());
  if (!due.ok) {
    deps.log({ level: 'error', event: 'tick', outcome: 'failed', reason: due.failure.kind });
    return;
  }
  const { refresh, resume, review, expired, keyring } = due.value;
  const callsLeft = () => MOST_CALLS - deps.db.calls.made;
  if (expired) await apart(deps, () => sweep(deps));
  await apart(deps, () => tendKeyring(deps, keyring));
  // Refreshing goes first and leaves room for the others; what ran into trouble and took more ends this tick.
  if (refresh) await apart(deps, () => refreshDue(deps, resume ? MOST_CALLS - RESUME_CALLS / 2 : MOST_CALLS));
  if (resume && callsLeft() >= RESUME_CALLS) await apart(deps, () => resumeSyncs(deps));
  if (review && callsLeft() >= RESUME_CALLS) await apart(deps, () => reviewOneDue(deps));
};

/** A mistake of ours in one kind of work must not keep the others from being done. */
const apart = async (deps: Deps, work: () => Promise<void>): Promise<void> => {
  try {
    await work();
  } catch (error) {
    deps.log({ level: 'error', event: 'bug', reason: error instanceof Error ? error.name : 'unknown' });
  }
};
