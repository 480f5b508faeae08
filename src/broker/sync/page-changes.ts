import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import { type GroupChanges, groupChanges, removeGroup, storedGroupOf } from '../../domain/group-change.ts';
import { interpretGroup, type MeasurementGroup } from '../../domain/metrics/measurement.ts';
import { ok, type Result } from '../../domain/result.ts';
import { type EpochMs, MINUTE_MS } from '../../domain/time.ts';
import { evaluateReview, positionAfterReview, type ReviewPosition } from '../../domain/window-review.ts';
import { type Known, loneGroups } from '../../store/sync/measurements.ts';
import type { MeasureGroup } from '../../withings/measure.ts';
import type { Deps } from '../deps.ts';
import { sourceName, sourcesOf } from './group-sources.ts';
import type { Review } from './review-window.ts';

/** When the cron reads a window again in which groups were missing. */
const CONFIRM_AFTER_MS = MINUTE_MS;

/** What of a page and a window is not stored yet, and which missing groups are back. */
export const changesOf = async (known: Known, groupsOfPage: readonly MeasureGroup[], review: Review | undefined) => {
  const inPage = new Set(groupsOfPage.map(({ groupId }) => groupId));
  const inWindow = (review?.page.groups ?? []).filter(({ groupId }) => !inPage.has(groupId));
  const upstream = [...groupsOfPage, ...inWindow];
  const groups = upstream.flatMap((group) => interpretGroup(group) ?? []).map((group) => inFirstZone(group, known));
  const sources = await sourcesOf(groups);
  const incoming = groups.map((group) => storedGroupOf(group, sources.get(sourceName(group))?.id ?? 0));
  const changes = groupChanges(known.groups, incoming);
  // A measurement that became a goal is removed.
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
  { reviews, review, known, changes }: { reviews: ReviewPosition; review: Review; known: Known; changes: GroupChanges },
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
