import type { Failure } from '../../domain/failure.ts';
import {
  type ChangeCounts,
  type GroupChanges,
  groupChanges,
  removeGroup,
  storedGroupOf,
} from '../../domain/group-change.ts';
import { interpretGroup, type MeasurementGroup } from '../../domain/metrics/measurement.ts';
import { ok, type Result } from '../../domain/result.ts';
import { positionAfterPage, type PageRequest, type SyncPosition, type SyncResult } from '../../domain/sync.ts';
import { type EpochMs, MINUTE_MS, toSeconds } from '../../domain/time.ts';
import { evaluateReview, positionAfterReview, type ReviewPosition } from '../../domain/window-review.ts';
import { type Known, knownGroups, storeGroupChanges } from '../../store/sync/measurements.ts';
import { finishStatement, progressStatement, type SyncLease, type SyncProgress } from '../../store/sync/sync-runs.ts';
import type { SyncStart } from '../../store/sync/sync-start.ts';
import type { QuotaName } from '../../store/tokens/withings-quota.ts';
import type { MeasurePage } from '../../withings/measure.ts';
import type { Deps } from '../deps.ts';
import { logAbout } from '../log.ts';
import type { UsableToken } from '../tokens/refresh.ts';
import { syncEvents } from '../webhooks/record.ts';
import type { Reservation } from '../withings.ts';
import { sourceName, sourcesOf } from './group-sources.ts';
import { nextReviewAt, type Review } from './review-window.ts';

/** What one slice of a sync has done so far. */
export type Slice = {
  connectionId: number;
  /** Whose connection it is. */
  user: { appId: string; userId: string };
  lease: SyncLease;
  position: SyncPosition;
  reviews: ReviewPosition;
  /** Whether the cron is to re-read older windows from now on. */
  startsReviews: boolean;
  /** Whether somebody asked for it: what the refresh policy counts as use. */
  isUse: boolean;
  /** Whether it goes on with a history that an earlier sync began. */
  isUnderWay: boolean;
  counts: ChangeCounts;
  pages: number;
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
export type PageAnswer = { question: PageRequest; page: MeasurePage };

/** When the cron looks again at what a read of the last days lacked. */
const CONFIRM_AFTER_MS = MINUTE_MS;

/**
 * Stores one page of Withings' answer: one round trip to see what is known of its groups, one to write what differs together with how far
 * the sync got. Ends the sync where the page was the last, of the answer or of the slice.
 *
 * @param resumeAt when the sync goes on, if this page ends the slice; undefined where another page of the slice may follow
 * @param review a window that was read after the last page, in search of deletions
 * @returns the result where the sync ended, undefined where it goes on
 */
export const storePage = async (
  deps: Deps,
  slice: Slice,
  answered: PageAnswer,
  resumeAt: EpochMs | undefined,
  review: Review | undefined,
): Promise<Result<SyncResult | undefined, Failure>> => {
  const { connectionId, lease } = slice;
  const { page } = answered;
  const upstream = [...page.groups, ...(review?.page.groups ?? [])];
  const ids = [...new Set(upstream.map(({ groupId }) => groupId))];
  const known = await knownGroups(deps.db, connectionId, ids, review?.window);
  if (!known.ok) return known;
  const { changes, sources } = await changesOf(known.value, page, review);
  const reviewed = review && evaluate(slice, review, known.value, changes, deps.now());
  const counts = sum(slice.counts, changes.counts);
  const now = deps.now();
  const position = nextPosition(slice.position, answered, now);
  const complete = page.nextOffset === undefined;
  const ends = complete || resumeAt !== undefined;
  const result: SyncResult = { ...counts, complete, syncedAt: now };
  // Where nothing was ever measured, nothing can be missing.
  const startsReviews = slice.startsReviews && complete && position.cursorSeconds > 0;
  const progress: SyncProgress = {
    position,
    // Should this invocation be cut off before the next page, the cron goes on where it was, once the lease has run out.
    resumeAt: complete ? reviewed?.confirmAt : (resumeAt ?? lease.until),
    reviews: reviewed?.position,
    nextReviewAt: nextReviewAt(startsReviews, review, changes.missing.length, now),
    changedGroups: changedGroups(changes),
    timeZone: page.timeZone,
  };
  const ending = { outcome: ok(result), usedTokenVersion: slice.token.tokenVersion, isUse: slice.isUse };
  const note = ends
    ? finishStatement(deps.db, connectionId, lease.id, progress, ending, now)
    : progressStatement(deps.db, connectionId, lease.id, progress);
  const held = { connectionId, leaseId: lease.id };
  const events = syncEvents(
    deps,
    { appId: slice.user.appId, connectionId },
    { changedGroups: progress.changedGroups, completesHistory: startsReviews },
  );
  const stored = await storeGroupChanges(deps.db, held, changes, sources, now, note, events);
  if (!stored.ok) return stored;
  // The lease was lost: to a disconnect, an erasure, or a successor. Nothing of this page was written.
  if (!stored.value) return { ok: false, failure: { kind: 'sync_in_progress', retryAfterSeconds: 5 } };
  Object.assign(slice, { counts, position, pages: slice.pages + 1 });
  if (!ends) return ok(undefined);
  const outcome = complete ? 'complete' : 'partial';
  await logAbout(deps, slice.user, { level: 'info', event: 'sync', outcome, count: slice.pages });
  return ok(result);
};

/** What a page and a window say that is not stored yet, and which groups turned up again. */
const changesOf = async (known: Known, page: MeasurePage, review: Review | undefined) => {
  const inPage = new Set(page.groups.map(({ groupId }) => groupId));
  const inWindow = (review?.page.groups ?? []).filter(({ groupId }) => !inPage.has(groupId));
  const upstream = [...page.groups, ...inWindow];
  const groups = upstream.flatMap((group) => interpretGroup(group) ?? []).map((group) => inFirstZone(group, known));
  const sources = await sourcesOf(groups);
  const incoming = groups.map((group) => storedGroupOf(group, sources.get(sourceName(group))?.id ?? 0));
  const changes = groupChanges(known.groups, incoming);
  // What became a goal is no measurement any more.
  const measured = new Set(incoming.map(({ groupId }) => groupId));
  for (const { groupId } of upstream) {
    const before = known.groups.get(groupId);
    if (before !== undefined && !measured.has(groupId)) removeGroup(changes, before);
  }
  const written = new Set([...changes.groups.map(({ groupId }) => groupId), ...changes.gone]);
  for (const { groupId, missingSince } of known.groups.values()) {
    if (missingSince !== undefined && !written.has(groupId)) changes.seenAgain.push(groupId);
  }
  return { changes, sources: [...sources.values()] };
};

/**
 * Withings states the account's zone as it is now. A group keeps the one it came with: what was measured in Oslo stays there when the person
 * moves.
 */
const inFirstZone = (group: MeasurementGroup, { groups, sources }: Known): MeasurementGroup => {
  const before = groups.get(group.groupId);
  const timeZone = before && sources.get(before.sourceId)?.timeZone;
  return timeZone === undefined ? group : { ...group, source: { ...group.source, timeZone } };
};

/** Adds what the window lacked to the changes. */
const evaluate = (slice: Slice, review: Review, known: Known, changes: GroupChanges, now: EpochMs) => {
  const { window, answer } = review;
  const verdict = evaluateReview(known.lacking, answer);
  for (const group of verdict.gone) removeGroup(changes, group);
  changes.missing.push(...verdict.missing.map(({ groupId }) => groupId));
  return {
    position: positionAfterReview(slice.reviews, window, answer, verdict, known.oldestSeconds),
    confirmAt: window.kind === 'recent' && verdict.missing.length > 0 ? now + CONFIRM_AFTER_MS : undefined,
  };
};

const nextPosition = (position: SyncPosition, { question, page }: PageAnswer, now: EpochMs): SyncPosition => ({
  ...position,
  ...positionAfterPage(position, question, {
    // A date in the future would end all reading: nothing is ever newer.
    modifiedSeconds: page.groups.map(({ modifiedAtSeconds }) => Math.min(modifiedAtSeconds, toSeconds(now))),
    nextOffset: page.nextOffset,
  }),
});

/** Groups that say something else than before; one that only carries a later date of change does not. */
const changedGroups = ({ groups, gone, measurements, stale }: GroupChanges): number[] => {
  const touched = new Set([...measurements, ...stale].map(({ groupId }) => groupId));
  return [...new Set([...groups.map(({ groupId }) => groupId), ...gone])].filter((id) => touched.has(id));
};

const sum = (left: ChangeCounts, right: ChangeCounts): ChangeCounts => ({
  added: left.added + right.added,
  changed: left.changed + right.changed,
  removed: left.removed + right.removed,
});
