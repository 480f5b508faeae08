import { interpretGroup } from '../../domain/metrics/measurement.ts';
import { POLL_INTERVAL_MS } from '../../domain/poll.ts';
import { type EpochMs, MINUTE_MS, type EpochSeconds } from '../../domain/time.ts';
import {
  positionAfterFailedReview,
  type ReviewPosition,
  type ReviewWindow,
  type WindowAnswer,
} from '../../domain/window-review.ts';
import type { MeasurePage } from '../../withings/measure.ts';
import type { Deps } from '../deps.ts';
import type { UsableToken } from '../tokens/refresh-run.ts';
import type { Reservation } from '../withings.ts';

/** A window that was read again. */
export type Review = { window: ReviewWindow; page: MeasurePage; answer: WindowAnswer };

/** When an older window with missing groups is read again, and a recent one that was not judged. */
const CONFIRM_AFTER_MS = 10 * MINUTE_MS;

/**
 * Reads one page of a window again. It never makes a sync fail: if Withings does not answer, the next window is
 * smaller.
 */
export const readWindow = async (
  deps: Deps,
  granted: Reservation,
  token: UsableToken,
  position: ReviewPosition,
  window: ReviewWindow,
): Promise<Review | ReviewPosition> => {
  const askedAt = deps.now();
  const page = await deps.withings.measureGroups(granted, {
    accessToken: token.accessToken,
    startDateSeconds: window.fromSeconds < 0 ? undefined : window.fromSeconds,
    endDateSeconds: window.toSeconds,
  });
  if (!page.ok) return positionAfterFailedReview(position, window);
  return { window, page: page.value, answer: answerOf(page.value, window, askedAt) };
};

const answerOf = (page: MeasurePage, window: ReviewWindow, askedAt: EpochMs): WindowAnswer => {
  const groups = page.groups.filter(({ measuredAtSeconds }) => isWithin(measuredAtSeconds, window));
  const types = groups.flatMap((group) => interpretGroup(group)?.values.map(({ type }) => type) ?? []);
  return {
    askedAt,
    // An unreadable group exists all the same. One without an id might be any group.
    isWhole: page.nextOffset === undefined && page.nameless === 0,
    types: new Set(types),
    groupCount: page.groups.length,
  };
};

const isWithin = (seconds: EpochSeconds, { fromSeconds, toSeconds }: ReviewWindow): boolean =>
  seconds >= fromSeconds && seconds <= toSeconds;

/** When the cron polls the connection next; undefined if that stays. */
export const nextReviewAt = (
  starts: boolean,
  review: Review | undefined,
  missing: number,
  now: EpochMs,
): EpochMs | undefined => {
  if (review?.window.kind === 'older') return now + (missing > 0 ? CONFIRM_AFTER_MS : POLL_INTERVAL_MS);
  return starts ? now + POLL_INTERVAL_MS : undefined;
};

/**
 * When the cron looks again for missing groups that this sync was to confirm; undefined if it has. After a failed read
 * the window is smaller: until it has grown again, they may lie before it. One too large for a page is left as it is.
 */
export const confirmAgainAt = (
  before: ReviewPosition,
  review: Review | undefined,
  next: ReviewPosition | undefined,
  now: EpochMs,
): EpochMs | undefined => {
  const isWidest = next === undefined || next.recentSpanSeconds <= before.recentSpanSeconds;
  return review?.window.kind === 'recent' && isWidest ? undefined : now + CONFIRM_AFTER_MS;
};
