import type { Deps } from './broker/deps.ts';
import { refreshDue } from './broker/refresh-due.ts';
import { resumeSyncs } from './broker/resume-syncs.ts';
import { sweep } from './broker/sweep.ts';
import { workDue } from './store/work-due.ts';

/**
 * One tick: looks once what is due, and does a bounded part of it. What is left over is due at the next tick; two ticks at once do no harm,
 * because leases decide who does what.
 */
export const tick = async (deps: Deps): Promise<void> => {
  const due = await workDue(deps.db, deps.now());
  if (!due.ok) {
    deps.log({ level: 'error', event: 'tick', outcome: 'failed', reason: due.failure.kind });
    return;
  }
  if (due.value.refresh) await refreshDue(deps);
  if (due.value.resume) await resumeSyncs(deps);
  if (due.value.expired) await sweep(deps);
};
