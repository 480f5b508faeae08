import type { ConnectionId } from '../../domain/connection-id.ts';
import { digestOf, type GroupHead, parseValues } from '../../domain/group-change.ts';
import { ok } from '../../domain/result.ts';
import type { EpochMs, EpochSeconds } from '../../domain/time.ts';
import type { ReviewedGroup, ReviewWindow } from '../../domain/window-review.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { GROUP_COLUMNS, type GroupRow, groupOfRow } from '../metrics/group-row.ts';
import { ownerOf } from '../metrics/read.ts';
import { type Source, sourcesOf, sourcesStatement } from '../metrics/sources-and-heights.ts';
import { seriesIf } from '../metrics/stored-series.ts';
import type { groups } from '../schema/body-data.ts';
import type { RawRow } from '../schema/raw-row.ts';
import { type GroupKinds, kindsOf, kindsStatement } from './group-kinds.ts';

/**
 * Reading what is stored of an answer's groups. It takes two rows for each group: one that finds it (a measurement in
 * the window, or the list of ids) and its own. A digest stands for its values, which are read only if they differ.
 *
 * Raw SQL: lists as one parameter (`json_each`), recursion, and `CROSS JOIN` to fix the order of the tables.
 */

/** A stored group without its values, and what a review marked. */
export type KnownGroup = GroupHead & { storedAt: EpochMs; missingSince: EpochMs | undefined };

/**
 * What is stored of a page's groups and, given a window, of what was measured within it. It is read before the window's
 * answer is there.
 */
export type StoredGroups = Pick<Known, 'sources' | 'kinds' | 'oldestSeconds'> & {
  lookedFor: ReadonlySet<number>;
  heads: Map<number, KnownGroup>;
  within: Map<number, KnownGroup>;
};

/** What is known before a page is stored. */
export type Known = {
  /** The stored ones of the groups asked about. */
  groups: Map<number, KnownGroup>;
  sources: Map<number, Source>;
  kinds: GroupKinds;
  /** Groups measured within the window that its answer does not have. */
  lackingIds: number[];
  /** When the oldest measurement was made; undefined if there is none, or no older window was asked about. */
  oldestSeconds: EpochSeconds | undefined;
};

/** What is stored of these groups and of a window: one round trip; none without either. */
export const storedGroups = async (
  db: Db,
  connectionId: ConnectionId,
  groupIds: ReadonlySet<number>,
  window: ReviewWindow | undefined,
): StoreResult<StoredGroups> => {
  const isNeeded = groupIds.size > 0 || window !== undefined;
  const statements = isNeeded ? knownStatements(db, connectionId, [...groupIds], window) : [];
  const found = isNeeded ? await tryD1(db, () => db.d1.batch(statements)) : ok([]);
  if (!found.ok) return found;
  const [heads, sources, kinds, measured, oldest] = found.value;
  const [first] = (oldest?.results ?? []) as { seconds: number | null }[];
  return ok({
    lookedFor: groupIds,
    heads: headsOf(heads),
    within: headsOf(measured),
    sources: sourcesOf(sources),
    kinds: kindsOf(kinds),
    oldestSeconds: first?.seconds ?? undefined,
  });
};

/**
 * What is known of a page's groups and of those that a window's answer has, readable or not. It takes one round trip if
 * any of these is stored at another time, or not at all; otherwise none.
 *
 * @param answeredIds undefined without an answer
 */
export const knownGroups = async (
  db: Db,
  connectionId: ConnectionId,
  { lookedFor, heads, within, ...stored }: StoredGroups,
  answeredIds: readonly number[] | undefined,
): StoreResult<Known> => {
  const asked = new Set([...lookedFor, ...(answeredIds ?? [])]);
  const groups = new Map([...heads, ...[...within].filter(([id]) => asked.has(id))]);
  const elsewhere = [...asked].filter((id) => !lookedFor.has(id) && !groups.has(id));
  const others = elsewhere.length === 0 ? ok(groups) : await headsById(db, connectionId, elsewhere);
  if (!others.ok) return others;
  return ok({
    ...stored,
    groups: new Map([...groups, ...others.value]),
    lackingIds: answeredIds === undefined ? [] : [...within.keys()].filter((id) => !asked.has(id)),
  });
};

const knownStatements = (
  db: Db,
  connectionId: ConnectionId,
  groupIds: readonly number[],
  window: ReviewWindow | undefined,
): D1PreparedStatement[] => [
  headsStatement(db, connectionId, groupIds),
  sourcesStatement(db, ownerOf(connectionId)),
  kindsStatement(db, connectionId),
  ...(window === undefined
    ? []
    : [db.d1.prepare(MEASURED_WITHIN).bind(connectionId, window.fromSeconds, window.toSeconds)]),
  ...(window?.kind === 'older' ? [db.d1.prepare(OLDEST).bind(connectionId)] : []),
];

const headsStatement = (db: Db, connectionId: ConnectionId, groupIds: readonly number[]): D1PreparedStatement =>
  db.d1.prepare(HEADS_BY_ID).bind(JSON.stringify(groupIds), connectionId);

const headsById = (db: Db, connectionId: ConnectionId, groupIds: readonly number[]) =>
  tryD1(db, async () => headsOf(await headsStatement(db, connectionId, groupIds).all()));

const headsOf = (result: D1Result | undefined): Map<number, KnownGroup> =>
  new Map(((result?.results ?? []) as HeadRow[]).map((row) => [row.group_id, headOf(row)]));

/** Stored groups with their values, by their ids. */
export const groupsWithValues = (
  db: Db,
  connectionId: ConnectionId,
  groupIds: readonly number[],
): StoreResult<Map<number, ReviewedGroup>> =>
  tryD1(db, async () => {
    const { results } = await db.d1
      .prepare(GROUPS_BY_ID)
      .bind(JSON.stringify(groupIds), connectionId)
      .all<ReviewedRow>();
    return new Map(results.map((row) => [row.group_id, reviewedOf(row)]));
  });

/**
 * Which of these groups are the only readings of their kinds, besides those that are missing already: their ids. A few
 * rows a group.
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

/** CROSS JOIN pins the order: the list outside, one look-up by primary key inside. */
const BY_ID = `FROM json_each(?1) AS wanted CROSS JOIN groups AS g ON g.connection_id = ?2 AND g.group_id = wanted.value`;
const REVIEWED_COLUMNS = 'g.source_id, g.stored_at, g.missing_since';

const HEAD_COLUMNS = `g.group_id, g.measured_seconds, g.created_seconds, g.modified_seconds, g.ambiguous, g.content, g.digest, ${REVIEWED_COLUMNS}`;
const HEADS_BY_ID = `SELECT ${HEAD_COLUMNS} ${BY_ID}`;
const GROUPS_BY_ID = `SELECT ${GROUP_COLUMNS}, ${REVIEWED_COLUMNS} ${BY_ID}`;

/**
 * Whether all groups of a connection (`?1`) have their kinds in `group_kinds`. The cron has then come past it with
 * those that earlier releases stored, or is through.
 */
const IS_COMPACT = `coalesce((SELECT value ->> 'connectionId' > ?1 FROM broker_state WHERE name = 'compaction'), TRUE)`;

/**
 * A few series that have a value of every group: groups have no order of time of their own, their measurements do.
 * Until the cron has come past, all series.
 */
const LEADING_SERIES = `WITH RECURSIVE ${seriesIf(`NOT ${IS_COMPACT}`, '?1')},
  first (type, position) AS (
    SELECT DISTINCT kinds ->> '$[0][0]', kinds ->> '$[0][1]' FROM group_kinds WHERE connection_id = ?1 AND ${IS_COMPACT}),
  leading (type, position, ambiguous) AS (
    SELECT type, position, ambiguous FROM series
    UNION ALL
    SELECT first.type, first.position, doubt.value FROM first CROSS JOIN json_each('[0,1]') AS doubt)`;

const MEASURED_WITHIN = `${LEADING_SERIES}
  SELECT ${HEAD_COLUMNS} FROM leading CROSS JOIN measurements AS m
    ON m.connection_id = ?1 AND m.type = leading.type AND m.position = leading.position AND m.ambiguous = leading.ambiguous
   AND m.measured_seconds BETWEEN ?2 AND ?3
  CROSS JOIN groups AS g ON g.connection_id = ?1 AND g.group_id = m.group_id`;

const OLDEST = `${LEADING_SERIES}
  SELECT min((
    SELECT measured_seconds FROM measurements AS m
    WHERE m.connection_id = ?1 AND m.type = leading.type AND m.position = leading.position AND m.ambiguous = leading.ambiguous
    ORDER BY measured_seconds LIMIT 1)) AS seconds
  FROM leading`;

type HeadRow = GroupRow & ReviewedColumns & { digest: number | null };
type ReviewedRow = GroupRow & ReviewedColumns;
type ReviewedColumns = Pick<RawRow<typeof groups>, 'source_id' | 'stored_at' | 'missing_since'>;

const headOf = ({ content, ...row }: HeadRow): KnownGroup => ({
  groupId: row.group_id,
  measuredAtSeconds: row.measured_seconds,
  createdAtSeconds: row.created_seconds,
  modifiedAtSeconds: row.modified_seconds,
  ambiguous: row.ambiguous === 1,
  // Of the releases that wrote the values instead.
  digest: row.digest ?? digestOf(parseValues(content) ?? []),
  ...markedOf(row),
});

const reviewedOf = (row: ReviewedRow): ReviewedGroup => ({ ...groupOfRow(row), ...markedOf(row) });

const markedOf = (row: ReviewedColumns) => ({
  sourceId: row.source_id,
  storedAt: row.stored_at,
  missingSince: row.missing_since ?? undefined,
});
