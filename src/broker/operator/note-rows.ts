import { isWorthNoting } from '../../domain/rows-used.ts';
import { addRowsUsed } from '../../store/operator/rows-used.ts';
import type { Deps } from '../deps.ts';

/**
 * Adds what this isolate has counted to the rows of the day, if it is worth a row. What is not stored then, for a
 * failure or because the isolate ends, is not counted: the sum is of at least so many.
 */
export const noteRowsUsed = async ({ db, now }: Pick<Deps, 'db' | 'now'>): Promise<void> => {
  const { used } = db.memory;
  if (used === undefined || !isWorthNoting(used, now())) return;
  // Before the round trip: other requests of the isolate count on, and note nothing twice.
  db.memory.used = undefined;
  await addRowsUsed(db, used, now());
};
