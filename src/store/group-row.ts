import { unpackValues } from '../domain/group-change.ts';
import type { MeasuredValue } from '../domain/measurement.ts';
import type { EpochSeconds } from '../domain/time.ts';

/** What whoever reads stored groups, as `g`, takes of their rows. */
export const GROUP_COLUMNS =
  'g.group_id, g.measured_seconds, g.created_seconds, g.modified_seconds, g.ambiguous, g.content';

export type GroupRow = {
  group_id: number;
  measured_seconds: number;
  created_seconds: number;
  modified_seconds: number;
  ambiguous: number;
  content: string;
};

/** A stored group as the domain has it. */
export const groupOfRow = (
  row: GroupRow,
): {
  groupId: number;
  measuredAtSeconds: EpochSeconds;
  createdAtSeconds: EpochSeconds;
  modifiedAtSeconds: EpochSeconds;
  ambiguous: boolean;
  values: MeasuredValue[];
} => ({
  groupId: row.group_id,
  measuredAtSeconds: row.measured_seconds,
  createdAtSeconds: row.created_seconds,
  modifiedAtSeconds: row.modified_seconds,
  ambiguous: row.ambiguous === 1,
  values: unpackValues(JSON.parse(row.content)),
});
