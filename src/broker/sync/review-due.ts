import { DAY_MS, HOUR_MS } from '../../domain/time.ts';
import { postponeReview, reviewDue } from '../../store/operator/work-due.ts';
import type { Deps } from '../deps.ts';
import { sync } from './sync.ts';

/** A connection that no app syncs is not read: that would keep its tokens fresh for nothing. */
const MAX_UNUSED_MS = 14 * DAY_MS;
/** When a failed review is tried again. */
const POSTPONED_MS = HOUR_MS;

/**
 * Reads one older window of one connection again, to find deletions at Withings, after requesting what is new.
 * Connections take turns, and so do windows. A connection that is unused, or has nothing to review, waits for its next
 * sync.
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
  // First, so that a connection that cannot be read does not block the others.
  await postponeReview(deps.db, connectionId, deps.now() + POSTPONED_MS);
  await sync(deps, { id: connectionId }, { share: 'review', isAsked: false, isUse: false, review: 'older' });
};
