import { parseValues, type StoredGroup } from '../../domain/group-change.ts';
import type { groups } from '../schema/body-data.ts';
import type { RawRow } from '../schema/raw-row.ts';

/**
 * The values of a group `g` as JSON, whichever release stored it: they stand in its row, or are looked up one by one.
 * `printf` writes the values, because SQLite's own JSON rounds to 15 digits.
 */
const CONTENT = `iif(g.content <> '', g.content, (
  SELECT '[' || group_concat('[' || m.type || ',' || m.position || ',' || printf('%!.17g', m.value) || ']') || ']'
  FROM group_kinds AS k CROSS JOIN json_each(k.kinds) AS kind CROSS JOIN measurements AS m
    ON m.connection_id = g.connection_id AND m.type = kind.value ->> 0 AND m.position = kind.value ->> 1
   AND m.ambiguous = g.ambiguous AND m.measured_seconds = g.measured_seconds AND m.group_id = g.group_id
  WHERE k.connection_id = g.connection_id AND k.id = g.kinds_id)) AS content`;

/** The columns of a stored group `g` that every reader selects. Each value costs a row read, and so do their kinds. */
export const GROUP_COLUMNS = `g.group_id, g.measured_seconds, g.created_seconds, g.modified_seconds, g.ambiguous, ${CONTENT}`;

export type GroupRow = Pick<
  RawRow<typeof groups>,
  'group_id' | 'measured_seconds' | 'created_seconds' | 'modified_seconds' | 'ambiguous'
> & {
  /** Null if the group has no values. */
  content: string | null;
};

/** A stored group in the domain's form. Each reader adds the source itself. */
export const groupOfRow = (row: GroupRow): Omit<StoredGroup, 'sourceId'> => ({
  groupId: row.group_id,
  measuredAtSeconds: row.measured_seconds,
  createdAtSeconds: row.created_seconds,
  modifiedAtSeconds: row.modified_seconds,
  ambiguous: row.ambiguous === 1,
  // What cannot be read counts as no values: the next sync that finds the group stores them again.
  values: parseValues(row.content) ?? [],
});
