import { type StoredGroup, unpackValues } from '../../domain/group-change.ts';

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

/** A stored group as the domain has it; each reader adds the source in its own way. */
export const groupOfRow = (row: GroupRow): Omit<StoredGroup, 'sourceId'> => ({
  groupId: row.group_id,
  measuredAtSeconds: row.measured_seconds,
  createdAtSeconds: row.created_seconds,
  modifiedAtSeconds: row.modified_seconds,
  ambiguous: row.ambiguous === 1,
  values: unpackValues(JSON.parse(row.content)),
});
