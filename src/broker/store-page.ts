import { sha256 } from '../crypto/credential.ts';
import type { Failure } from '../domain/failure.ts';
import { type ChangeCounts, groupChanges, storedGroupOf } from '../domain/group-change.ts';
import { interpretGroup, type MeasurementGroup } from '../domain/measurement.ts';
import { ok, type Result } from '../domain/result.ts';
import { positionAfterPage, type Question, type SyncPosition, type SyncResult } from '../domain/sync.ts';
import type { EpochMs } from '../domain/time.ts';
import { groupsById, type Source, storeGroupChanges } from '../store/measurements.ts';
import { finishStatement, progressStatement, type SyncLease } from '../store/sync-runs.ts';
import type { MeasurePage } from '../withings/measure.ts';
import type { Deps } from './deps.ts';
import type { UsableToken } from './refresh.ts';

/** What one slice of a sync has done so far. */
export type Slice = {
  connectionId: number;
  lease: SyncLease;
  position: SyncPosition;
  counts: ChangeCounts;
  pages: number;
  token: UsableToken;
};

/** A page with the question that it answers. */
export type Answered = { question: Question; page: MeasurePage };

/**
 * Stores one page of Withings' answer: one round trip to see what is known of its groups, one to write what differs together with how far
 * the sync got. Ends the sync where the page was the last, of the answer or of the slice.
 *
 * @param resumeAt when the sync goes on, if this page ends the slice; undefined where another page of the slice may follow
 * @returns the result where the sync ended, undefined where it goes on
 */
export const storePage = async (
  deps: Deps,
  slice: Slice,
  { question, page }: Answered,
  resumeAt: EpochMs | undefined,
): Promise<Result<SyncResult | undefined, Failure>> => {
  const { connectionId, lease } = slice;
  const groups = page.groups.flatMap((group) => interpretGroup(group) ?? []);
  const sources = await sourcesOf(groups);
  const incoming = groups.map((group) => storedGroupOf(group, sources.get(sourceName(group))?.id ?? 0));
  const known = await groupsById(
    deps.db,
    connectionId,
    incoming.map(({ groupId }) => groupId),
  );
  if (!known.ok) return known;
  const changes = groupChanges(known.value, incoming);
  const counts = sum(slice.counts, changes.counts);
  const position = nextPosition(slice.position, question, page);

  const now = deps.now();
  const complete = page.nextOffset === undefined;
  const result: SyncResult = { ...counts, complete, syncedAt: now };
  const progress = {
    position,
    // Should this invocation be cut off before the next page, the cron goes on where it was, once the lease has run out.
    resumeAt: complete ? undefined : (resumeAt ?? lease.until),
    changedData: changes.measurements.length + changes.stale.length > 0,
    timeZone: page.timeZone,
  };
  const ends = complete || resumeAt !== undefined;
  const note = ends
    ? finishStatement(
        deps.db,
        connectionId,
        lease.id,
        progress,
        { outcome: ok(result), usedTokenVersion: slice.token.tokenVersion },
        now,
      )
    : progressStatement(deps.db, connectionId, lease.id, progress);
  const stored = await storeGroupChanges(
    deps.db,
    { connectionId, leaseId: lease.id },
    changes,
    [...sources.values()],
    now,
    note,
  );
  if (!stored.ok) return stored;
  // The lease was lost: to a disconnect, an erasure, or a successor. Nothing of this page was written.
  if (!stored.value) return { ok: false, failure: { kind: 'sync_in_progress', retryAfterSeconds: 5 } };
  Object.assign(slice, { counts, position, pages: slice.pages + 1 });
  if (!ends) return ok(undefined);
  deps.log({ level: 'info', event: 'sync', outcome: complete ? 'complete' : 'partial', count: slice.pages });
  return ok(result);
};

const nextPosition = (position: SyncPosition, question: Question, page: MeasurePage): SyncPosition => ({
  ...position,
  ...positionAfterPage(position, question, {
    modifiedSeconds: page.groups.map(({ modifiedAtSeconds }) => modifiedAtSeconds),
    nextOffset: page.nextOffset,
  }),
});

const sum = (left: ChangeCounts, right: ChangeCounts): ChangeCounts => ({
  added: left.added + right.added,
  changed: left.changed + right.changed,
  removed: left.removed + right.removed,
});

/** The distinct sources of some groups, by what names them. */
const sourcesOf = async (groups: readonly MeasurementGroup[]): Promise<Map<string, Source>> => {
  const sources = new Map<string, Source>();
  for (const group of groups) {
    const name = sourceName(group);
    if (!sources.has(name)) sources.set(name, await sourceOf(group));
  }
  return sources;
};

const sourceName = ({ source }: MeasurementGroup): string =>
  JSON.stringify([source.attrib, source.deviceId, source.modelId, source.model, source.timeZone]);

/** The device's id identifies a household for years: only a hash of it is kept, enough to tell two devices apart. */
const sourceOf = async (group: MeasurementGroup): Promise<Source> => {
  const digest = await sha256(sourceName(group));
  const { deviceId } = group.source;
  const deviceHash = deviceId === null ? null : shortHash(await sha256(deviceId));
  return { ...group.source, deviceId: deviceHash, id: numberOf(digest) };
};

const shortHash = (digest: Uint8Array): string =>
  Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** The first 48 bits: a connection has a handful of sources. */
const numberOf = (digest: Uint8Array): number => digest.subarray(0, 6).reduce((number, byte) => number * 256 + byte, 0);
