import * as z from 'zod';

import type { MeasuredValue, MeasurementGroup } from './metrics/measurement.ts';
import { parseStored } from './stored-json.ts';
import type { EpochSeconds } from './time.ts';

/** A stored group, with the keys of its measurements. */
export type StoredGroup = {
  groupId: number;
  measuredAtSeconds: EpochSeconds;
  createdAtSeconds: EpochSeconds;
  modifiedAtSeconds: EpochSeconds;
  sourceId: number;
  ambiguous: boolean;
  /** Ordered by type and position, as `MeasurementGroup.values`. */
  values: MeasuredValue[];
};

/** A stored group without its values, which a digest stands for. */
export type GroupHead = Omit<StoredGroup, 'values'> & { digest: number };

/** A measurement's primary key without the connection. */
export type MeasurementKey = {
  type: number;
  position: number;
  ambiguous: boolean;
  measuredAtSeconds: EpochSeconds;
  groupId: number;
};

export type MeasurementRow = MeasurementKey & { value: number; sourceId: number };

/** How many measurements a sync added, changed and removed. */
export type ChangeCounts = { added: number; changed: number; removed: number };

/** The writes that bring the stored groups up to date with Withings. */
export type GroupChanges = {
  groups: StoredGroup[];
  stale: MeasurementKey[];
  measurements: MeasurementRow[];
  /** Ids of groups to remove. */
  gone: number[];
  /** Ids of groups that a read of their window missed for the first time. */
  missing: number[];
  /** Ids of groups that were missing once and are present again. */
  seenAgain: number[];
  counts: ChangeCounts;
};

/**
 * Compares groups from Withings with those stored under the same ids. An equal group is left alone, so reading the same
 * window again writes nothing. A group whose time changed moves to its new key.
 */
export const groupChanges = (
  stored: ReadonlyMap<number, StoredGroup>,
  incoming: readonly StoredGroup[],
): GroupChanges => {
  const changes: GroupChanges = {
    groups: [],
    stale: [],
    measurements: [],
    gone: [],
    missing: [],
    seenAgain: [],
    counts: { added: 0, changed: 0, removed: 0 },
  };
  // A list that shifts between two pages, or while one is built, contains a group twice. The later one counts.
  for (const group of new Map(incoming.map((one) => [one.groupId, one])).values()) {
    const before = stored.get(group.groupId);
    if (before === undefined) addGroup(changes, group);
    else if (!saysTheSame(before, group)) changeGroup(changes, before, group);
  }
  return changes;
};

/**
 * Whether a group from Withings is stored as it is, as far as one row can tell. If not, its values decide: see
 * `saysTheSame`.
 */
export const isAsStored = (head: GroupHead, group: StoredGroup): boolean =>
  headOf(head) === headOf(group) && head.digest === digestOf(group.values);

/**
 * 32 bits that stand for the values of a group (FNV-1a). Two contents of one group share them once in four billion
 * edits.
 */
export const digestOf = (values: readonly MeasuredValue[]): number => {
  let hash = 0x81_1c_9d_c5;
  for (const character of JSON.stringify(packValues(values))) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01_00_01_93);
  }
  return hash | 0;
};

/** Adds the removal of a group and all its measurements to the changes. */
export const removeGroup = (changes: GroupChanges, group: StoredGroup): void => {
  changes.gone.push(group.groupId);
  changes.stale.push(...rowsOf(group).map(keyOf));
  changes.counts.removed += group.values.length;
};

/**
 * Whether a group brings nothing new: it is equal, or has fewer values with the same modification time. Withings hides
 * kinds of measures that the user's subscription or scope no longer covers; they stay stored.
 */
const saysTheSame = (before: StoredGroup, after: StoredGroup): boolean => {
  if (headOf(before) !== headOf(after)) return false;
  const stored = new Set(packValues(before.values).map(String));
  return packValues(after.values).every((value) => stored.has(String(value)));
};

const headOf = ({ measuredAtSeconds, modifiedAtSeconds, sourceId }: Omit<StoredGroup, 'values'>): string =>
  [measuredAtSeconds, modifiedAtSeconds, sourceId].join('/');

const addGroup = (changes: GroupChanges, group: StoredGroup): void => {
  changes.groups.push(group);
  changes.measurements.push(...rowsOf(group));
  changes.counts.added += group.values.length;
};

const changeGroup = (changes: GroupChanges, before: StoredGroup, after: StoredGroup): void => {
  changes.groups.push(after);
  const rowsBefore = new Map(rowsOf(before).map((row) => [placeOf(row), row]));
  for (const row of rowsOf(after)) {
    const old = rowsBefore.get(placeOf(row));
    rowsBefore.delete(placeOf(row));
    if (old === undefined) changes.counts.added += 1;
    else if (isSameRow(old, row)) continue;
    else {
      changes.counts.changed += 1;
      if (!isSameKey(old, row)) changes.stale.push(keyOf(old));
    }
    changes.measurements.push(row);
  }
  changes.counts.removed += rowsBefore.size;
  changes.stale.push(...[...rowsBefore.values()].map(keyOf));
};

const placeOf = ({ type, position }: MeasurementKey): string => `${type}/${position}`;

const isSameKey = (left: MeasurementKey, right: MeasurementKey): boolean =>
  left.measuredAtSeconds === right.measuredAtSeconds && left.ambiguous === right.ambiguous;

const isSameRow = (left: MeasurementRow, right: MeasurementRow): boolean =>
  isSameKey(left, right) && left.value === right.value && left.sourceId === right.sourceId;

const keyOf = ({ type, position, ambiguous, measuredAtSeconds, groupId }: MeasurementRow): MeasurementKey => ({
  type,
  position,
  ambiguous,
  measuredAtSeconds,
  groupId,
});

const rowsOf = ({ groupId, measuredAtSeconds, ambiguous, sourceId, values }: StoredGroup): MeasurementRow[] =>
  values.map((value) => ({ ...value, groupId, measuredAtSeconds, ambiguous, sourceId }));

const packedValues = z.array(z.tuple([z.number(), z.number(), z.number()]));

export const packValues = (values: readonly MeasuredValue[]): z.infer<typeof packedValues> =>
  values.map(({ type, position, value }) => [type, position, value]);

/** Reads the JSON of `packValues`; undefined if it is something else. */
export const parseValues = (text: string | null | undefined): MeasuredValue[] | undefined =>
  parseStored(packedValues, text)?.map(([type, position, value]) => ({ type, position, value }));

/** The stored form of a group from Withings, given the id of its source. */
export const storedGroupOf = (group: MeasurementGroup, sourceId: number): StoredGroup => ({
  groupId: group.groupId,
  measuredAtSeconds: group.measuredAtSeconds,
  createdAtSeconds: group.createdAtSeconds,
  modifiedAtSeconds: group.modifiedAtSeconds,
  ambiguous: group.ambiguous,
  values: group.values,
  sourceId,
});
