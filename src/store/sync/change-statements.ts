import type { ConnectionId } from '../../domain/connection-id.ts';
import { digestOf, type GroupChanges, type MeasurementRow } from '../../domain/group-change.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { Db } from '../d1.ts';
import type { Source } from '../metrics/sources-and-heights.ts';
import { type GroupKinds, kindsJson, newKinds } from './group-kinds.ts';

/** D1 takes 2 MB in one parameter, which local D1 does not enforce. */
const MAX_PARAMETER_CHARACTERS = 1_000_000;

/** A page's changes, with the new sources of its groups, and the kinds that the connection has so far. */
export type StoredPage = { changes: GroupChanges; sources: readonly Source[]; kinds: GroupKinds };

/**
 * The statements of one page's changes: a fixed number, whatever it has. Each writes only while the sync lease is held.
 * Raw SQL: all rows of a table are one parameter (`json_each`).
 */
export const changeStatements = (
  db: Db,
  held: { connectionId: ConnectionId; leaseId: string },
  { changes, sources, kinds }: StoredPage,
  now: EpochMs,
): D1PreparedStatement[] => {
  const perRows: PerRows = (sql, rows) =>
    chunksOfJson(rows).map((json) => db.d1.prepare(sql).bind(held.connectionId, held.leaseId, json));
  return [
    ...(changes.groups.length === 0 ? [] : sourceStatements(perRows, sources)),
    ...groupStatements(perRows, changes.groups, kinds, now),
    ...measurementStatements(perRows, changes),
    ...markStatements(perRows, changes, now),
  ];
};

const IS_HELD = `EXISTS (SELECT 1 FROM connections WHERE id = ?1 AND sync_lease_id = ?2)`;

const sourceStatements = (perRows: PerRows, sources: readonly Source[]): D1PreparedStatement[] =>
  perRows(
    `INSERT INTO sources (connection_id, id, attrib, device_hash, model, model_id, time_zone)
     SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?3) WHERE ${IS_HELD}
     ON CONFLICT DO NOTHING`,
    sources.map(({ id, attrib, deviceId, model, modelId, timeZone }) => [
      id,
      attrib,
      deviceId,
      model,
      modelId,
      timeZone,
    ]),
  );

const groupStatements = (
  perRows: PerRows,
  unordered: GroupChanges['groups'],
  kinds: GroupKinds,
  now: EpochMs,
): D1PreparedStatement[] => {
  // In the order of the key, like the measurements.
  const groups = unordered.toSorted((a, b) => a.groupId - b.groupId);
  const kindsOfGroups = groups.map(({ values }) => kindsJson(values));
  const added = newKinds(kinds, kindsOfGroups);
  const idOf = (one: string) => kinds.get(one) ?? added.get(one);
  return [
    ...perRows(
      `INSERT INTO group_kinds (connection_id, id, kinds) SELECT ?1, value ->> 1, value ->> 0 FROM json_each(?3) WHERE ${IS_HELD}
       ON CONFLICT DO NOTHING`,
      [...added],
    ),
    ...perRows(
      `INSERT INTO groups (connection_id, group_id, measured_seconds, created_seconds, modified_seconds, source_id, ambiguous, kinds_id, digest, content, stored_at)
       SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, '', ${Math.trunc(now)}
       FROM json_each(?3) WHERE ${IS_HELD}
       ON CONFLICT DO UPDATE SET measured_seconds = excluded.measured_seconds, created_seconds = excluded.created_seconds,
         modified_seconds = excluded.modified_seconds, source_id = excluded.source_id, ambiguous = excluded.ambiguous,
         kinds_id = excluded.kinds_id, digest = excluded.digest, content = '', missing_since = NULL`,
      groups.map((group, index) => [
        group.groupId,
        group.measuredAtSeconds,
        group.createdAtSeconds,
        group.modifiedAtSeconds,
        group.sourceId,
        Number(group.ambiguous),
        idOf(kindsOfGroups[index] ?? ''),
        digestOf(group.values),
      ]),
    ),
  ];
};

const measurementStatements = (perRows: PerRows, { stale, measurements }: GroupChanges): D1PreparedStatement[] => [
  ...perRows(
    `DELETE FROM measurements WHERE (connection_id, type, position, ambiguous, measured_seconds, group_id) IN
       (SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?3)) AND ${IS_HELD}`,
    stale.map((key) => [key.type, key.position, Number(key.ambiguous), key.measuredAtSeconds, key.groupId]),
  ),
  ...perRows(
    `INSERT INTO measurements (connection_id, type, position, ambiguous, measured_seconds, group_id, value, source_id)
     SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 FROM json_each(?3) WHERE ${IS_HELD}
     ON CONFLICT DO UPDATE SET value = excluded.value, source_id = excluded.source_id`,
    inKeyOrder(measurements).map((row) => [
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

/**
 * Rows in the order of their key fill the pages of the database better than newest first. D1 would sort them too, but
 * counts each as read. Within a series they are in the order of time already, forwards or backwards.
 */
const inKeyOrder = (rows: readonly MeasurementRow[]): MeasurementRow[] =>
  [...Map.groupBy(rows, ({ type, position, ambiguous }) => (type * 256 + position) * 2 + Number(ambiguous))]
    .toSorted(([left], [right]) => left - right)
    .flatMap(([, series]) => series.toSorted((a, b) => a.measuredAtSeconds - b.measuredAtSeconds));

type PerRows = (sql: string, rows: readonly unknown[][]) => D1PreparedStatement[];

/** What reviews found: groups that are gone, that are missing for the first time, and that are there after all. */
const markStatements = (
  perRows: PerRows,
  { gone, missing, seenAgain }: GroupChanges,
  now: EpochMs,
): D1PreparedStatement[] => {
  const these = `(connection_id, group_id) IN (SELECT ?1, value ->> 0 FROM json_each(?3)) AND ${IS_HELD}`;
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
