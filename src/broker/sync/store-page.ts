import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import type { ChangeCounts } from '../../domain/group-change.ts';
import { ok, type Result } from '../../domain/result.ts';
import {
  historyCompleteFrom,
  positionAfterAnswer,
  type SyncPosition,
  type SyncQuestion,
  type SyncResult,
} from '../../domain/sync.ts';
import { type EpochMs, toSeconds } from '../../domain/time.ts';
import type { ReviewPosition } from '../../domain/window-review.ts';
import { type Known, knownGroups, storeGroupChanges } from '../../store/sync/measurements.ts';
import { finishStatement, progressStatement, type SyncLease, type SyncProgress } from '../../store/sync/sync-runs.ts';
import type { SyncStart } from '../../store/sync/sync-start.ts';
import type { QuotaName } from '../../store/tokens/withings-quota.ts';
import type { MeasurePage } from '../../withings/measure.ts';
import type { Deps } from '../deps.ts';
import { logAbout } from '../log.ts';
import { noteSightings } from '../operator/alarms.ts';
import type { UsableToken } from '../tokens/refresh.ts';
import { syncEvents } from '../webhooks/record.ts';
import type { Reservation } from '../withings.ts';
import { addDeletions, changedGroups, changesOf } from './page-changes.ts';
import { nextReviewAt, type Review } from './review-window.ts';

/** What one slice of a sync has done so far. */
export type Slice = {
  connectionId: ConnectionId;
  /** Whose connection it is. */
  user: { appId: string; userId: string };
  lease: SyncLease;
  startedAt: EpochMs;
  position: SyncPosition;
  reviews: ReviewPosition;
  /** Whether the cron is to re-read older windows from now on. */
  startsReviews: boolean;
  /** Whether it was requested: the refresh policy counts that as use. */
  isUse: boolean;
  /** Whether it goes on with a history that an earlier sync began. */
  isUnderWay: boolean;
  counts: ChangeCounts;
  /** What could not be read: groups, single measures, and stretches of time that were gone around. */
  skipped: number;
  pages: number;
  /** What was asked last. */
  question: SyncQuestion | undefined;
  /** How often less was asked for, because an answer could not be read. */
  retries: number;
  /** What the sync is for: whose share of Withings' requests it takes. */
  share: QuotaName;
  /** Requests to Withings that are granted, some of them made. */
  granted: Reservation;
  refusals: SyncStart['refusals'];
  /** Why Withings' last answer was of no use, if it was. */
  failure: string | undefined;
  token: UsableToken;
};

/** A page with the question that it answers. */
export type PageAnswer = { question: SyncQuestion; page: MeasurePage };

/** An answer, where the sync stands once it is stored, and whether everything is stored then. */
export type JudgedAnswer = PageAnswer & { position: SyncPosition; complete: boolean };

/** Where an answer takes a sync. */
export const judgeAnswer = (slice: Slice, { question, page }: PageAnswer, now: EpochMs): JudgedAnswer => {
  const { groups, nextOffset } = page;
  const marks = {
    measuredSeconds: groups.map(({ measuredAtSeconds }) => measuredAtSeconds),
    // A date in the future would end all reading: nothing is ever newer.
    modifiedSeconds: groups.map(({ modifiedAtSeconds }) => Math.min(modifiedAtSeconds, toSeconds(now))),
    nextOffset,
    pageMark: groups.reduce((mark, { groupId }) => (mark * 31 + groupId) % PAGE_MARKS, 0),
  };
  const judged = positionAfterAnswer(slice.position, question, marks, { startedAt: slice.startedAt, now });
  return { question, page, ...judged };
};

const PAGE_MARKS = 2 ** 31 - 1;

/**
 * Stores one page of Withings' answer: one round trip to see what is known of its groups, one to write what differs together with how far
 * the sync got. Ends the sync where the page was the last, of the answer or of the slice.
 *
 * @param resumeAt when the sync goes on, if this page ends the slice; undefined if another page of the slice may follow
 * @param review a window that was read after the last page, in search of deletions
 * @returns the result if the sync ended, undefined if it continues
 */
export const storePage = async (
  deps: Deps,
  slice: Slice,
  answered: JudgedAnswer,
  resumeAt: EpochMs | undefined,
  review: Review | ReviewPosition | undefined,
): Promise<Result<SyncResult | undefined, Failure>> => {
  const { connectionId, lease } = slice;
  const { page, position, complete } = answered;
  const reviewed = review !== undefined && 'page' in review ? review : undefined;
  const known = await knownOf(deps, connectionId, page, reviewed);
  if (!known.ok) return known;
  // Of the heights nothing else is shown: what is stored has more.
  const isPartial = answered.question.kind === 'heights';
  const groups = isPartial ? page.groups.filter(({ groupId }) => !known.value.groups.has(groupId)) : page.groups;
  const { changes, sources } = await changesOf(known.value, groups, reviewed);
  const next =
    reviewed === undefined
      ? ok({ position: review as ReviewPosition | undefined, confirmAt: undefined })
      : await addDeletions(deps, connectionId, {
          reviews: slice.reviews,
          review: reviewed,
          known: known.value,
          changes,
        });
  if (!next.ok) return next;
  const now = deps.now();
  const ends = complete || resumeAt !== undefined;
  const counts = sum(slice.counts, changes.counts);
  const skipped = slice.skipped + page.skipped;
  const result = { ...counts, skipped, complete, historyCompleteFrom: historyCompleteFrom(position), syncedAt: now };
  // Where nothing was ever measured, nothing can be missing.
  const startsReviews = slice.startsReviews && complete && position.cursorSeconds > 0;
  const progress: SyncProgress = {
    position,
    // Should this invocation be cut off before the next page, the cron goes on where it was, once the lease has run out.
    resumeAt: complete ? next.value.confirmAt : (resumeAt ?? lease.until),
    reviews: next.value.position,
    nextReviewAt: nextReviewAt(startsReviews, reviewed, changes.missing.length, now),
    changedGroups: changedGroups(changes),
    timeZone: page.timeZone,
  };
  const events = syncEvents(
    deps,
    { appId: slice.user.appId, connectionId },
    { changedGroups: progress.changedGroups, completesHistory: startsReviews },
  );
  const note = noteOf(deps, slice, progress, ends ? result : undefined);
  const held = { connectionId, leaseId: lease.id };
  const stored = await storeGroupChanges(deps.db, held, changes, sources, now, note, events);
  if (!stored.ok) return stored;
  // The lease was lost: to a disconnect, an erasure, or a successor. Nothing of this page was written.
  if (!stored.value) return { ok: false, failure: { kind: 'sync_in_progress', retryAfterSeconds: 5 } };
  Object.assign(slice, { counts, skipped, position, pages: slice.pages + 1 });
  if (isUnreadable(page)) {
    deps.waitUntil(noteSightings(deps, { withings_unreadable: 'nothing of an answer could be read' }));
  }
  if (!ends) return ok(undefined);
  await logEnd(deps, slice, result);
  return ok(result);
};

/** What is known of the groups of an answer; without any, nothing has to be asked. */
const knownOf = (deps: Deps, connectionId: ConnectionId, page: MeasurePage, review: Review | undefined) => {
  const upstream = [...page.groups, ...(review?.page.groups ?? [])].map(({ groupId }) => groupId);
  const ids = [...new Set([...upstream, ...(review?.page.unreadableIds ?? [])])];
  if (ids.length === 0 && review === undefined) return Promise.resolve(ok(NOTHING_KNOWN));
  return knownGroups(deps.db, connectionId, ids, review?.window);
};

const NOTHING_KNOWN: Known = { groups: new Map(), sources: new Map(), lacking: [], oldestSeconds: undefined };

/** The statement that notes how far the sync got, and its result where it ends. */
const noteOf = (deps: Deps, slice: Slice, progress: SyncProgress, result: SyncResult | undefined) => {
  const { connectionId, lease, token, isUse } = slice;
  if (result === undefined) return progressStatement(deps.db, connectionId, lease.id, progress);
  const ending = { outcome: ok(result), skipped: result.skipped, usedTokenVersion: token.tokenVersion, isUse };
  return finishStatement(deps.db, connectionId, lease.id, progress, ending, result.syncedAt);
};

/** Whether an answer has something, and nothing of it can be read. */
const isUnreadable = ({ groups, skipped }: MeasurePage): boolean =>
  skipped > 0 && groups.every(({ measures }) => measures.length === 0);

const logEnd = (deps: Deps, { user, pages }: Slice, { complete, skipped }: SyncResult): Promise<void> =>
  logAbout(deps, user, {
    level: skipped > 0 ? 'warn' : 'info',
    event: 'sync',
    outcome: complete ? 'complete' : 'partial',
    count: pages,
    ...(skipped > 0 && { skipped }),
  });

const sum = (left: ChangeCounts, right: ChangeCounts): ChangeCounts => ({
  added: left.added + right.added,
  changed: left.changed + right.changed,
  removed: left.removed + right.removed,
});
