import { delaysOf, type SyncActivity } from '../../domain/activity.ts';
import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import type { ChangeCounts, GroupChanges } from '../../domain/group-change.ts';
import { ok, type Result } from '../../domain/result.ts';
import {
  historyCompleteFrom,
  positionAfterAnswer,
  type SyncPosition,
  type SyncQuestion,
  type SyncResult,
} from '../../domain/sync.ts';
import { type EpochMs, toSeconds } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import type { ReviewPosition } from '../../domain/window-review.ts';
import { knownGroups, type StoredGroups } from '../../store/sync/known-groups.ts';
import { storeGroupChanges } from '../../store/sync/measurements.ts';
import type { SyncStart } from '../../store/sync/sync-lease.ts';
import {
  leaseAfterPage,
  noteEnd,
  noteProgress,
  type SyncLease,
  type SyncProgress,
} from '../../store/sync/sync-runs.ts';
import type { ShareName } from '../../store/tokens/withings-quota.ts';
import type { MeasurePage } from '../../withings/measure.ts';
import type { Deps } from '../deps.ts';
import { logAbout } from '../log.ts';
import { recordObservations } from '../operator/alarms.ts';
import type { UsableToken } from '../tokens/refresh-run.ts';
import { syncEvents } from '../webhooks/record.ts';
import type { Reservation } from '../withings.ts';
import { addDeletions, changedGroups, changesOf } from './page-changes.ts';
import { confirmAgainAt, nextReviewAt, type Review } from './review-window.ts';

/** The state of one slice of a sync. */
export type Slice = {
  connectionId: ConnectionId;
  /** The owner of the connection. */
  user: { appId: AppId; userId: UserId };
  lease: SyncLease;
  startedAt: EpochMs;
  position: SyncPosition;
  reviews: ReviewPosition;
  /** Whether the cron reads older windows from now on. */
  startsReviews: boolean;
  /** Whether the refresh policy counts it as use. */
  isUse: boolean;
  /** Whether an app requested it and gets the counts. */
  isAsked: boolean;
  /** Since when the user is connected. */
  connectedAt: EpochMs;
  activity: SyncActivity;
  /** Whether it continues a history that an earlier sync began. */
  isUnderWay: boolean;
  /** Whether groups may wait to be confirmed as gone. */
  confirms: boolean;
  /** Whether the past is still to be read to its beginning. */
  readsHistory: boolean;
  counts: ChangeCounts;
  /** What could not be read: groups, single measures, and skipped stretches of time. */
  skipped: number;
  pages: number;
  /** The last request. */
  question: SyncQuestion | undefined;
  /** How often less was requested, because an answer could not be read. */
  retries: number;
  /** The share of its requests. */
  share: ShareName;
  /** Reserved requests, some of them already sent. */
  granted: Reservation;
  refusals: SyncStart['refusals'];
  /** Why the last answer of Withings was not usable, if it was not. */
  failure: string | undefined;
  token: UsableToken;
};

/** A page, and the request that it answers. */
export type PageAnswer = { question: SyncQuestion; page: MeasurePage };

/**
 * An answer, the position after it is stored, and whether everything is stored then, or all that is read without a
 * request.
 */
export type JudgedAnswer = PageAnswer & { position: SyncPosition; complete: boolean; partial: boolean };

/** The position of a sync after an answer. */
export const judgeAnswer = (slice: Slice, { question, page }: PageAnswer, now: EpochMs): JudgedAnswer => {
  const { groups, nextOffset, partEndsSeconds } = page;
  const marks = {
    measuredSeconds: groups.map(({ measuredAtSeconds }) => measuredAtSeconds),
    // A date in the future would stop all reading, because nothing is ever newer.
    modifiedSeconds: groups.map(({ modifiedAtSeconds }) => Math.min(modifiedAtSeconds, toSeconds(now))),
    nextOffset,
    partEndsSeconds,
    pageMark: groups.reduce((mark, { groupId }) => (mark * 31 + groupId) % PAGE_MARKS, 0),
  };
  const judged = positionAfterAnswer(slice.position, question, marks, { startedAt: slice.startedAt, now });
  return { question, page, ...judged };
};

const PAGE_MARKS = 2 ** 31 - 1;

/**
 * Stores one page of Withings' answer. One round trip reads the values of the groups that differ, if any do; one writes
 * the differences together with the new position. Ends the sync if the page was the last of the answer or of the slice.
 *
 * @param before what is stored of its groups, and of the window
 * @param resumeAt when the sync continues, if this page ends the slice; undefined if another page may follow
 * @param review a window that was read after the last page, to find deletions
 * @returns the result if the sync ended; undefined if it continues
 */
export const storePage = async (
  deps: Deps,
  slice: Slice,
  answered: JudgedAnswer,
  before: StoredGroups,
  resumeAt: EpochMs | undefined,
  review: Review | ReviewPosition | undefined,
): Promise<Result<SyncResult | undefined, Failure>> => {
  const { connectionId, lease } = slice;
  const { page, position, complete, partial } = answered;
  const reviewed = reviewedIn(review);
  const compared = await compare(deps, slice, answered, before, review);
  if (!compared.ok) return compared;
  const { changes, added } = compared.value;
  const now = deps.now();
  const activity = withDelays(slice, added, now);
  const ends = complete || partial || resumeAt !== undefined;
  const counts = sum(slice.counts, changes.counts);
  const skipped = slice.skipped + page.skipped;
  const result = { ...counts, skipped, complete, historyCompleteFrom: historyCompleteFrom(position), syncedAt: now };
  const progress = progressOf(slice, answered, compared.value, reviewed, resumeAt, now);
  const readsHistory = slice.readsHistory && (position.history !== undefined || position.cursorSeconds === 0);
  const events = syncEvents(
    deps,
    { appId: slice.user.appId, connectionId },
    { changedGroups: progress.changedGroups, completesHistory: slice.readsHistory && !readsHistory },
  );
  const note = noteOf(deps, { ...slice, activity }, progress, ends ? result : undefined);
  const held = { connectionId, leaseId: lease.id };
  const stored = await storeGroupChanges(deps.db, held, compared.value, now, note, events);
  if (!stored.ok) return stored;
  // The lease was lost to a disconnect, an erasure or another holder. Nothing of this page was written.
  if (!stored.value) return { ok: false, failure: { kind: 'sync_in_progress', retryAfterSeconds: 5 } };
  const kept = { position, readsHistory, lease: leaseAfterPage(lease), pages: slice.pages + 1 };
  Object.assign(slice, { counts, activity, skipped, ...kept });
  if (isUnreadable(page)) {
    deps.waitUntil(recordObservations(deps, { withings_unreadable: 'nothing of an answer could be read' }));
  }
  if (!ends) return ok(undefined);
  await logEnd(deps, slice, result);
  return ok(result);
};

const withDelays = ({ activity, connectedAt }: Slice, added: GroupChanges['groups'], now: EpochMs): SyncActivity => ({
  ...activity,
  delays: [...activity.delays, ...delaysOf(added, connectedAt, now)],
});

const reviewedIn = (review: Review | ReviewPosition | undefined): Review | undefined =>
  review !== undefined && 'page' in review ? review : undefined;

/** Compares a page, and a window, with what is stored. Also returns which windows come next. */
const compare = async (
  deps: Deps,
  { connectionId, reviews }: Slice,
  { page, question }: JudgedAnswer,
  before: StoredGroups,
  review: Review | ReviewPosition | undefined,
) => {
  const reviewed = reviewedIn(review);
  const answered = reviewed && [...reviewed.page.groups.map(({ groupId }) => groupId), ...reviewed.page.unreadableIds];
  const known = await knownGroups(deps.db, connectionId, before, answered);
  if (!known.ok) return known;
  // Only heights were requested; more may be stored.
  const isPartial = question.kind === 'heights';
  const groups = isPartial ? page.groups.filter(({ groupId }) => !known.value.groups.has(groupId)) : page.groups;
  const found = await changesOf(deps, connectionId, known.value, groups, reviewed);
  if (!found.ok) return found;
  const { changes, sources, lacking } = found.value;
  const next =
    reviewed === undefined
      ? ok({ position: review as ReviewPosition | undefined, confirmAt: undefined })
      : await addDeletions(deps, connectionId, {
          reviews,
          review: reviewed,
          known: { lacking, oldestSeconds: known.value.oldestSeconds },
          changes,
        });
  if (!next.ok) return next;
  const added = changes.groups.filter(({ groupId }) => !known.value.groups.has(groupId));
  return ok({ changes, added, sources, kinds: known.value.kinds, next: next.value });
};

/** What a page notes beside its data. */
const progressOf = (
  slice: Slice,
  { page, position, complete, partial }: JudgedAnswer,
  { changes, next }: Compared,
  reviewed: Review | undefined,
  resumeAt: EpochMs | undefined,
  now: EpochMs,
): SyncProgress => {
  // If nothing was ever measured, nothing can be missing.
  const startsReviews = slice.startsReviews && (complete || partial) && position.cursorSeconds > 0;
  const againAt = slice.confirms ? confirmAgainAt(slice.reviews, reviewed, next.position, now) : undefined;
  return {
    position,
    // If this invocation is stopped before the next page, the cron continues when the lease ends.
    resumeAt: complete || partial ? (next.confirmAt ?? againAt) : (resumeAt ?? slice.lease.until),
    reviews: next.position,
    nextReviewAt: nextReviewAt(startsReviews, reviewed, changes.missing.length, now),
    changedGroups: changedGroups(changes),
    timeZone: page.timeZone,
  };
};

type Compared = Extract<Awaited<ReturnType<typeof compare>>, { ok: true }>['value'];

/** Stores the position, and the result if the sync ends. */
const noteOf = (deps: Deps, slice: Slice, progress: SyncProgress, result: SyncResult | undefined) => {
  const { connectionId, lease, token, isUse, isAsked, activity } = slice;
  if (result === undefined) return noteProgress(deps.db, connectionId, lease, progress);
  const { skipped, syncedAt } = result;
  const read = { outcome: ok(result), skipped, usedTokenVersion: token.tokenVersion };
  return noteEnd(deps.db, connectionId, lease, progress, { ...read, isUse, isAsked, activity }, syncedAt);
};

/** Whether an answer has content of which nothing can be read. */
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
