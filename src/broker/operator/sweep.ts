import { sweepExpired } from '../../store/operator/work-due.ts';
import type { Deps } from '../deps.ts';

/** Rows of each kind that one tick deletes: each is a row written. */
const MAX_SWEPT = 200;

/** Deletes what has expired, a bounded part of it. */
export const sweep = async (deps: Deps): Promise<void> => {
  const swept = await sweepExpired(deps.db, deps.now(), MAX_SWEPT);
  if (!swept.ok) deps.log({ level: 'warn', event: 'tick', outcome: 'sweep_failed', reason: swept.failure.kind });
  else deps.log({ level: 'info', event: 'tick', outcome: 'swept', count: swept.value });
};
