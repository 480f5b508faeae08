import { sweepExpired } from '../../store/operator/work-due.ts';
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
