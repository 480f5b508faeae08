import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import { type GroupChanges, groupChanges, isAsStored, removeGroup, storedGroupOf } from '../../domain/group-change.ts';
import { interpretGroup, type MeasurementGroup } from '../../domain/metrics/measurement.ts';
import { ok, type Result } from '../../domain/result.ts';
import { type EpochMs, MINUTE_MS } from '../../domain/time.ts';
import {
  evaluateReview,
  positionAfterReview,
  type ReviewedGroup,
  type ReviewPosition,
} from '../../domain/window-review.ts';
import type { Source } from '../../store/metrics/sources-and-heights.ts';
import { groupsWithValues, type Known, loneGroups } from '../../store/sync/known-groups.ts';
import type { MeasureGroup } from '../../withings/measure.ts';
import type { Deps } from '../deps.ts';
import { sourceName, sourcesOf } from './group-sources.ts';
import type { Review } from './review-window.ts';

/** When the cron reads a window again in which groups were missing. */
const CONFIRM_AFTER_MS = MINUTE_MS;

/**
 * What a page and a window say that is not stored yet, and which groups turned up again. What the window lacks is
 * evaluated later.
 */
export type PageChanges = {
  changes: GroupChanges;
  /** Those that the connection did not have. */
  sources: Source[];
  lacking: ReviewedGroup[];
};

/** Compares a page and a window with what is stored. One round trip, if any stored group differs or is lacking. */
export const changesOf = async (
  deps: Deps,
  connectionId: ConnectionId,
  known: Known,
  groupsOfPage: readonly MeasureGroup[],
  review: Review | undefined,
): Promise<Result<PageChanges, Failure>> => {
  const inPage = new Set(groupsOfPage.map(({ groupId }) => groupId));
  const inWindow = (review?.page.groups ?? []).filter(({ groupId }) => !inPage.has(groupId));
  const upstream = [...groupsOfPage, ...inWindow];
  const groups = upstream.flatMap((group) => interpretGroup(group) ?? []).map((group) => inFirstZone(group, known));
  const sources = await sourcesOf(groups, known.sources);
  const stored = groups.map((group) => storedGroupOf(group, sources.get(sourceName(group))?.id ?? 0));
  // A list that shifts between two pages, or while one is built, contains a group twice. The later one counts.
  const incoming = new Map(stored.map((group) => [group.groupId, group]));
  const differing = [...incoming.values()].filter((group) => {
    const head = known.groups.get(group.groupId);
    return head === undefined || !isAsStored(head, group);
  });
  // What became a goal is no measurement any more.
  const ended = upstream.map(({ groupId }) => groupId).filter((id) => known.groups.has(id) && !incoming.has(id));
  // Nothing is judged by an answer that is not whole.
  const lackingIds = review?.answer.isWhole === true ? known.lackingIds : [];
  const edited = differing.map(({ groupId }) => groupId).filter((id) => known.groups.has(id));
  const wanted = [...edited, ...ended, ...lackingIds];
  const read =
    wanted.length === 0 ? ok(new Map<number, never>()) : await groupsWithValues(deps.db, connectionId, wanted);
  if (!read.ok) return read;
  const changes = groupChanges(read.value, differing);
  for (const groupId of new Set(ended)) {
    const before = read.value.get(groupId);
    if (before !== undefined) removeGroup(changes, before);
  }
  const written = new Set([...changes.groups.map(({ groupId }) => groupId), ...changes.gone]);
  for (const { groupId, missingSince } of known.groups.values()) {
    if (missingSince !== undefined && !written.has(groupId)) changes.seenAgain.push(groupId);
  }
  const lacking = lackingIds.flatMap((id) => read.value.get(id) ?? []);
  return ok({ changes, sources: [...sources.values()].filter(({ id }) => !known.sources.has(id)), lacking });
};

/**
 * Withings states the account's current zone. A group keeps the zone that it came with, so a measurement made in Oslo
 * stays there when the person moves.
 */
const inFirstZone = (group: MeasurementGroup, { groups, sources }: Known): MeasurementGroup => {
  const before = groups.get(group.groupId);
  const timeZone = before && sources.get(before.sourceId)?.timeZone;
  return timeZone === undefined ? group : { ...group, source: { ...group.source, timeZone } };
};

/**
 * Adds the groups that are missing from the window to the changes.
 *
 * @returns the next windows, and when the cron reads the missing groups again
 */
export const addDeletions = async (
  deps: Deps,
  connectionId: ConnectionId,
  {
    reviews,
    review,
    known,
    changes,
  }: {
    reviews: ReviewPosition;
    review: Review;
    known: { lacking: readonly ReviewedGroup[] } & Pick<Known, 'oldestSeconds'>;
    changes: GroupChanges;
  },
): Promise<Result<{ position: ReviewPosition; confirmAt: EpochMs | undefined }, Failure>> => {
  const { window, answer } = review;
  const { candidates } = evaluateReview(known.lacking, answer, new Set());
  const lone = candidates.length === 0 ? ok(new Set<number>()) : await loneGroups(deps.db, connectionId, candidates);
  if (!lone.ok) return lone;
  const verdict = evaluateReview(known.lacking, answer, lone.value);
  for (const group of verdict.gone) removeGroup(changes, group);
  changes.missing.push(...verdict.missing.map(({ groupId }) => groupId));
  const isToConfirm = window.kind === 'recent' && verdict.missing.length > 0;
  return ok({
    position: positionAfterReview(reviews, window, answer, verdict, known.oldestSeconds),
    confirmAt: isToConfirm ? deps.now() + CONFIRM_AFTER_MS : undefined,
  });
};

/** Groups whose content differs. A group with only a later modification time does not. */
export const changedGroups = ({ groups, gone, measurements, stale }: GroupChanges): number[] => {
  const touched = new Set([...measurements, ...stale].map(({ groupId }) => groupId));
  return [...new Set([...groups.map(({ groupId }) => groupId), ...gone])].filter((id) => touched.has(id));
};
