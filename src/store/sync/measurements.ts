import type { ConnectionId } from '../../domain/connection-id.ts';
import { type GroupChanges, packValues } from '../../domain/group-change.ts';
import type { EpochMs, EpochSeconds } from '../../domain/time.ts';
import type { ReviewedGroup } from '../../domain/window-review.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { GROUP_COLUMNS, type GroupRow, groupOfRow } from '../metrics/group-row.ts';
import { type Source, sourcesOf, sourcesStatement } from '../metrics/sources-and-heights.ts';
import { SERIES } from '../metrics/stored-series.ts';
import { eventStatement, type NewEvent, noteRecorded } from '../webhooks/events.ts';

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

/** D1 takes 2 MB in one parameter, which local D1 does not enforce. */
const MAX_PARAMETER_CHARACTERS = 1_000_000;

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

const changeStatements = (
  db: Db,
  held: { connectionId: ConnectionId; leaseId: string },
  changes: GroupChanges,
  sources: readonly Source[],
  now: EpochMs,
): D1PreparedStatement[] => {
  const { groups, stale, measurements } = changes;
  const isHeld = `EXISTS (SELECT 1 FROM connections WHERE id = ?1 AND sync_lease_id = ?2)`;
  const perRows: PerRows = (sql, rows) =>
    chunksOfJson(rows).map((json) => db.d1.prepare(sql).bind(held.connectionId, held.leaseId, json));
  return [
    ...perRows(
      `INSERT INTO sources (connection_id, id, attrib, device_hash, model, model_id, time_zone)
       SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?3) WHERE ${isHeld}
       ON CONFLICT DO NOTHING`,
      groups.length === 0
        ? []
        : sources.map((source) => [
            source.id,
            source.attrib,
            source.deviceId,
            source.model,
            source.modelId,
            source.timeZone,
          ]),
    ),
    ...perRows(
      `INSERT INTO groups (connection_id, group_id, measured_seconds, created_seconds, modified_seconds, source_id, ambiguous, content, stored_at)
       SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, ${Math.trunc(now)} FROM json_each(?3) WHERE ${isHeld}
       ON CONFLICT DO UPDATE SET measured_seconds = excluded.measured_seconds, created_seconds = excluded.created_seconds,
         modified_seconds = excluded.modified_seconds, source_id = excluded.source_id, ambiguous = excluded.ambiguous, content = excluded.content, missing_since = NULL`,
      groups.map((group) => [
        group.groupId,
        group.measuredAtSeconds,
        group.createdAtSeconds,
        group.modifiedAtSeconds,
        group.sourceId,
        Number(group.ambiguous),
        JSON.stringify(packValues(group.values)),
      ]),
    ),
    ...perRows(
      `DELETE FROM measurements WHERE (connection_id, type, position, ambiguous, measured_seconds, group_id) IN
         (SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?3)) AND ${isHeld}`,
      stale.map((key) => [key.type, key.position, Number(key.ambiguous), key.measuredAtSeconds, key.groupId]),
    ),
    ...perRows(
      `INSERT INTO measurements (connection_id, type, position, ambiguous, measured_seconds, group_id, value, source_id)
       SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 FROM json_each(?3) WHERE ${isHeld}
       ON CONFLICT DO UPDATE SET value = excluded.value, source_id = excluded.source_id`,
      measurements.map((row) => [
        row.type,
        row.position,
        Number(row.ambiguous),
        row.measuredAtSeconds,
        row.groupId,
        row.value,
        row.sourceId,
      ]),
    ),
    ...markStatements(perRows, isHeld, changes, now),
  ];
};

type PerRows = (sql: string, rows: readonly unknown[][]) => D1PreparedStatement[];

/** What reviews found: groups that are gone, that are missing for the first time, and that are there after all. */
const markStatements = (
  perRows: PerRows,
  isHeld: string,
  { gone, missing, seenAgain }: GroupChanges,
  now: EpochMs,
): D1PreparedStatement[] => {
  const these = `(connection_id, group_id) IN (SELECT ?1, value ->> 0 FROM json_each(?3)) AND ${isHeld}`;
  const rows = (ids: readonly number[]) => ids.map((id) => [id]);
  return [
    ...perRows(`DELETE FROM groups WHERE ${these}`, rows(gone)),
    ...perRows(`UPDATE groups SET missing_since = ${Math.trunc(now)} WHERE ${these}`, rows(missing)),
    ...perRows(`UPDATE groups SET missing_since = NULL WHERE ${these}`, rows(seenAgain)),
  ];
};

/** Rows as JSON arrays, each short enough for one parameter. */
const chunksOfJson = (rows: readonly unknown[][]): string[] => {
  const chunks: string[] = [];
  let chunk: string[] = [];
  let characters = 0;
  for (const row of rows) {
    const json = JSON.stringify(row);
    if (characters + json.length > MAX_PARAMETER_CHARACTERS) {
      chunks.push(`[${chunk.join(',')}]`);
      chunk = [];
      characters = 0;
    }
    chunk.push(json);
    characters += json.length + 1;
  }
  if (chunk.length > 0) chunks.push(`[${chunk.join(',')}]`);
  return chunks;
};
