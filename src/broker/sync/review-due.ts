import { DAY_MS, HOUR_MS } from '../../domain/time.ts';
import { postponeReview, reviewDue } from '../../store/operator/work-due.ts';
import type { Deps } from '../deps.ts';
import { sync } from './sync.ts';

/** A connection without requested syncs is not read: that would keep its tokens fresh for no use. */
const MAX_UNUSED_MS = 14 * DAY_MS;
/** When a review that failed is tried again. */
const POSTPONED_MS = HOUR_MS;

/**
 * Re-reads one older window of one connection, in search of what was deleted at Withings, after asking for what is new. Connections take
 * turns, windows too. One that is unused, or has nothing to review, waits for its next sync.
 */
export const reviewOneDue = async (deps: Deps): Promise<void> => {
  const due = await reviewDue(deps.db, deps.now());
  if (!due.ok) return deps.log({ level: 'warn', event: 'tick', outcome: 'review_failed', reason: due.failure.kind });
  if (due.value === undefined) return;
  const { connectionId, isReviewable, lastUsedAt } = due.value;
  if (!isReviewable || deps.now() - lastUsedAt > MAX_UNUSED_MS) {
    await postponeReview(deps.db, connectionId, undefined);
    return;
  }
  // First, so that one that cannot be read, for whatever reason, does not hold up the others.
  await postponeReview(deps.db, connectionId, deps.now() + POSTPONED_MS);
  await sync(deps, { id: connectionId }, { share: 'review', isUse: false, review: 'older' });
};
