import type { ConnectionId } from '../../domain/connection-id.ts';
import type { GroupChanges } from '../../domain/group-change.ts';
import type { EpochMs, EpochSeconds } from '../../domain/time.ts';
import type { ReviewedGroup } from '../../domain/window-review.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { GROUP_COLUMNS, type GroupRow, groupOfRow } from '../metrics/group-row.ts';
import { type Source, sourcesOf, sourcesStatement } from '../metrics/sources-and-heights.ts';
import { SERIES } from '../metrics/stored-series.ts';
import { eventStatement, type NewEvent, noteRecorded } from '../webhooks/events.ts';
import { changeStatements } from './change-statements.ts';

/**
 * Writes body data. A page of Withings' answer is stored in one transaction with a fixed number of statements for any
 * number of groups: rows are passed as JSON, because D1 binds at most 100 parameters. Each statement names the sync
 * lease, so a sync that was overtaken by a disconnect writes nothing.
 */

/** What is known before a page is stored. */
export type Known = {
  /** The stored ones of the groups asked about. */
  groups: Map<number, ReviewedGroup>;
  sources: Map<number, Source>;
  /** Groups measured within the window that are not among those asked about. */
  lacking: ReviewedGroup[];
  /** When the oldest measurement was made; undefined if there is none, or no window was asked about. */
  oldestSeconds: EpochSeconds | undefined;
};

/**
 * What is stored of these groups, and, given a window, what else was measured in it: one round trip. The window costs a
 * row read for each of its measurements.
 */
export const knownGroups = (
  db: Db,
  connectionId: ConnectionId,
  groupIds: readonly number[],
  window: { fromSeconds: EpochSeconds; toSeconds: EpochSeconds } | undefined,
): StoreResult<Known> =>
  tryD1(db, async () => {
    const ids = JSON.stringify(groupIds);
    const [groups, sources, lacking, oldest] = await db.d1.batch([
      db.d1.prepare(GROUPS_BY_ID).bind(ids, connectionId),
      sourcesStatement(db, connectionId),
      ...(window === undefined
        ? []
        : [
            db.d1.prepare(GROUPS_LACKING).bind(connectionId, ids, window.fromSeconds, window.toSeconds),
            db.d1.prepare(OLDEST).bind(connectionId),
          ]),
    ]);
    const rowsOf = (result: D1Result | undefined) => ((result?.results ?? []) as ReviewedRow[]).map(groupOf);
    const [first] = (oldest?.results ?? []) as { seconds: number | null }[];
    return {
      groups: new Map(rowsOf(groups).map((group) => [group.groupId, group])),
      sources: sourcesOf(sources),
      lacking: rowsOf(lacking),
      oldestSeconds: first?.seconds ?? undefined,
    };
  });

/**
 * Ids of those groups that are the only readings of their kinds, not counting groups that are already missing. Reads a
 * few rows for each group.
 */
export const loneGroups = (
  db: Db,
  connectionId: ConnectionId,
  candidates: readonly ReviewedGroup[],
): StoreResult<Set<number>> =>
  tryD1(db, async () => {
    const kinds = candidates.flatMap(({ groupId, values }) => values.map(({ type }) => [groupId, type]));
    const { results } = await db.d1
      .prepare(ACCOMPANIED)
      .bind(connectionId, JSON.stringify(kinds))
      .all<{ id: number }>();
    const accompanied = new Set(results.map(({ id }) => id));
    return new Set(candidates.map(({ groupId }) => groupId).filter((id) => !accompanied.has(id)));
  });

const ACCOMPANIED = `
  SELECT DISTINCT kind.value ->> 0 AS id FROM json_each(?2) AS kind WHERE EXISTS (
    SELECT 1 FROM measurements AS m CROSS JOIN groups AS g ON g.connection_id = ?1 AND g.group_id = m.group_id
    WHERE m.connection_id = ?1 AND m.type = kind.value ->> 1 AND m.group_id <> kind.value ->> 0 AND g.missing_since IS NULL)`;

const REVIEWED_COLUMNS = `${GROUP_COLUMNS}, g.source_id, g.stored_at, g.missing_since`;

/** CROSS JOIN pins the order: the list outside, one look-up by primary key inside. */
const GROUPS_BY_ID = `
  SELECT ${REVIEWED_COLUMNS} FROM json_each(?1) AS wanted
  CROSS JOIN groups AS g ON g.connection_id = ?2 AND g.group_id = wanted.value`;

/** Groups have no order of time of their own; their measurements do. */
const GROUPS_LACKING = `${SERIES},
  lacking (id) AS (
    SELECT DISTINCT m.group_id FROM series CROSS JOIN measurements AS m
      ON m.connection_id = ?1 AND m.type = series.type AND m.position = series.position AND m.ambiguous = series.ambiguous
     AND m.measured_seconds BETWEEN ?3 AND ?4
    WHERE m.group_id NOT IN (SELECT value FROM json_each(?2))
  )
  SELECT ${REVIEWED_COLUMNS} FROM lacking CROSS JOIN groups AS g ON g.connection_id = ?1 AND g.group_id = lacking.id`;

const OLDEST = `${SERIES}
  SELECT min((
    SELECT measured_seconds FROM measurements AS m
    WHERE m.connection_id = ?1 AND m.type = series.type AND m.position = series.position AND m.ambiguous = series.ambiguous
    ORDER BY measured_seconds LIMIT 1)) AS seconds
  FROM series`;

type ReviewedRow = GroupRow & {
  source_id: number;
  stored_at: number;
  missing_since: number | null;
};

const groupOf = (row: ReviewedRow): ReviewedGroup => ({
  ...groupOfRow(row),
  sourceId: row.source_id,
  storedAt: row.stored_at,
  missingSince: row.missing_since ?? undefined,
});

/**
 * Stores a page's changes in one transaction with `alongside`. Its last statement returns a row only while the lease is
 * held.
 *
 * @returns whether it was stored; false if the lease was lost
 */
export const storeGroupChanges = (
  db: Db,
  held: { connectionId: ConnectionId; leaseId: string },
  changes: GroupChanges,
  sources: readonly Source[],
  now: EpochMs,
  alongside: D1PreparedStatement,
  events: readonly NewEvent[] = [],
): StoreResult<boolean> =>
  tryD1(db, async () => {
    const statements = changeStatements(db, held, changes, sources, now);
    const noted = events.map((event) => eventStatement(db, event));
    const results = await db.d1.batch([...statements, alongside, ...noted]);
    noteRecorded(db, results.slice(statements.length + 1));
    return (results[statements.length]?.meta.changes ?? 0) > 0;
  });
