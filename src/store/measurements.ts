import type { GroupChanges, StoredGroup } from '../domain/group-change.ts';
import { packValues, unpackValues } from '../domain/group-change.ts';
import type { MeasurementGroup } from '../domain/measurement.ts';
import type { EpochMs } from '../domain/time.ts';
import { attempt, type Db, type Stored } from './d1.ts';

/**
 * Writing body data. A page of Withings' answer is stored in one transaction of a fixed number of statements, however many groups it has:
 * the rows travel as JSON, because D1 binds 100 parameters at most. Each statement names the sync lease, so that a sync that was
 * overtaken by a disconnect writes nothing.
 */

/** Where a group's values came from, under an id that follows from the rest. */
export type Source = MeasurementGroup['source'] & { id: number };

/** The stored ones of these groups. */
export const groupsById = (
  db: Db,
  connectionId: number,
  groupIds: readonly number[],
): Stored<Map<number, StoredGroup>> =>
  attempt(db, async () => {
    // CROSS JOIN pins the order: the list outside, one look-up by primary key inside.
    const { results } = await db.d1
      .prepare(
        `SELECT g.group_id, g.measured_seconds, g.created_seconds, g.modified_seconds, g.source_id, g.ambiguous, g.content
         FROM json_each(?1) AS wanted
         CROSS JOIN groups AS g ON g.connection_id = ?2 AND g.group_id = wanted.value`,
      )
      .bind(JSON.stringify(groupIds), connectionId)
      .all<GroupRow>();
    return new Map(results.map((row) => [row.group_id, groupOf(row)]));
  });

type GroupRow = {
  group_id: number;
  measured_seconds: number;
  created_seconds: number;
  modified_seconds: number;
  source_id: number;
  ambiguous: number;
  content: string;
};

const groupOf = (row: GroupRow): StoredGroup => ({
  groupId: row.group_id,
  measuredAtSeconds: row.measured_seconds,
  createdAtSeconds: row.created_seconds,
  modifiedAtSeconds: row.modified_seconds,
  sourceId: row.source_id,
  ambiguous: row.ambiguous === 1,
  values: unpackValues(JSON.parse(row.content)),
});

/** D1 takes 2 MB in one parameter, which local D1 does not enforce. */
const MOST_PARAMETER_CHARACTERS = 1_000_000;

/**
 * Stores a page's changes in one transaction with `alongside`, whose last statement returns a row exactly while the lease is held.
 *
 * @returns whether it was stored; false where the lease was lost
 */
export const storeGroupChanges = (
  db: Db,
  held: { connectionId: number; leaseId: string },
  changes: GroupChanges,
  sources: readonly Source[],
  now: EpochMs,
  alongside: D1PreparedStatement,
): Stored<boolean> =>
  attempt(db, async () => {
    const results = await db.d1.batch([...changeStatements(db, held, changes, sources, now), alongside]);
    return (results.at(-1)?.meta.changes ?? 0) > 0;
  });

const changeStatements = (
  db: Db,
  held: { connectionId: number; leaseId: string },
  { groups, stale, measurements }: GroupChanges,
  sources: readonly Source[],
  now: EpochMs,
): D1PreparedStatement[] => {
  const isHeld = `EXISTS (SELECT 1 FROM connections WHERE id = ?1 AND sync_lease_id = ?2)`;
  const perRows = (sql: string, rows: readonly unknown[][]): D1PreparedStatement[] =>
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
         modified_seconds = excluded.modified_seconds, source_id = excluded.source_id, ambiguous = excluded.ambiguous, content = excluded.content`,
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
  ];
};

/** Rows as JSON arrays, each short enough for one parameter. */
const chunksOfJson = (rows: readonly unknown[][]): string[] => {
  const chunks: string[] = [];
  let chunk: string[] = [];
  let characters = 0;
  for (const row of rows) {
    const json = JSON.stringify(row);
    if (characters + json.length > MOST_PARAMETER_CHARACTERS) {
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
