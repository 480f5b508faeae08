import { type StoredGroup, unpackValues } from '../../domain/group-change.ts';

/** The columns of a stored group `g` that every reader selects. */
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

/** A stored group in the domain's form. Each reader adds the source itself. */
export const groupOfRow = (row: GroupRow): Omit<StoredGroup, 'sourceId'> => ({
  groupId: row.group_id,
  measuredAtSeconds: row.measured_seconds,
  createdAtSeconds: row.created_seconds,
  modifiedAtSeconds: row.modified_seconds,
  ambiguous: row.ambiguous === 1,
  values: unpackValues(JSON.parse(row.content)),
});
