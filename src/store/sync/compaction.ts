import { eq } from 'drizzle-orm';

import type { ConnectionId } from '../../domain/connection-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import { statement, tryD1, tryD1Idempotent, type Db, type StoreResult } from '../d1.ts';
import { brokerState } from '../schema/management.ts';
import { type GroupKinds, newKinds } from './group-kinds.ts';

/**
 * Groups that releases up to 0.1 stored hold their values a second time, in `content`. The cron goes through all groups
 * once, in the order of their key, and leaves a digest and the kinds instead. A group whose measurements say something
 * else than its row stays as it is.
 *
 * Raw SQL: row values, and lists as one parameter (`json_each`).
 */

/** Up to which group the cron has come. Absent: there is nothing to be done. */
export type CompactionPlace = { connectionId: ConnectionId; groupId: number };

/** A group that holds its values itself. */
export type VerboseGroup = CompactionPlace & {
  content: string;
  /** The same values, as they stand in the measurements. */
  measured: string | null;
};

/** The groups after a place, and the kinds of their connections: one round trip. */
export type CompactionStep = {
  groups: (CompactionPlace & Partial<VerboseGroup>)[];
  kinds: Map<ConnectionId, GroupKinds>;
};

const FOLLOWING = `FROM groups AS g WHERE (g.connection_id, g.group_id) > (?1, ?2) ORDER BY g.connection_id, g.group_id LIMIT ?3`;

const VERBOSE = `
  SELECT g.connection_id, g.group_id, g.content, iif(g.content = '', NULL, (
    SELECT '[' || group_concat('[' || m.type || ',' || m.position || ',' || printf('%!.17g', m.value) || ']') || ']'
    FROM json_each(g.content) AS one CROSS JOIN measurements AS m
      ON m.connection_id = g.connection_id AND m.type = one.value ->> 0 AND m.position = one.value ->> 1
     AND m.ambiguous = g.ambiguous AND m.measured_seconds = g.measured_seconds AND m.group_id = g.group_id)) AS measured
  ${FOLLOWING}`;

const KINDS_OF_FOLLOWING = `
  WITH following (connection_id) AS (SELECT g.connection_id ${FOLLOWING}),
  owner (connection_id) AS (SELECT DISTINCT connection_id FROM following)
  SELECT k.connection_id, k.id, k.kinds FROM owner CROSS JOIN group_kinds AS k ON k.connection_id = owner.connection_id`;

export const readCompactionStep = (
  db: Db,
  { connectionId, groupId }: CompactionPlace,
  most: number,
): StoreResult<CompactionStep> =>
  tryD1(db, async () => {
    const [groups, kinds] = await db.d1.batch(
      [VERBOSE, KINDS_OF_FOLLOWING].map((sql) => db.d1.prepare(sql).bind(connectionId, groupId, most)),
    );
    type Row = { connection_id: ConnectionId; group_id: number; content: string; measured: string | null };
    const known = new Map<ConnectionId, GroupKinds>();
    for (const row of (kinds?.results ?? []) as { connection_id: ConnectionId; id: number; kinds: string }[]) {
      known.set(row.connection_id, (known.get(row.connection_id) ?? new Map()).set(row.kinds, row.id));
    }
    return {
      kinds: known,
      groups: ((groups?.results ?? []) as Row[]).map((row) => ({
        connectionId: row.connection_id,
        groupId: row.group_id,
        ...(row.content !== '' && { content: row.content, measured: row.measured }),
      })),
    };
  });

/** What takes the place of a group's values. */
export type CompactGroup = Pick<VerboseGroup, 'connectionId' | 'groupId' | 'content'> & {
  kinds: string;
  digest: number;
};

/**
 * Stores the kinds of these groups, empties those that are still as they were read, and remembers the place that the
 * cron has come to. It is one transaction, which may run again. At the end nothing is remembered.
 */
export const storeCompactionStep = (
  db: Db,
  { kinds }: Pick<CompactionStep, 'kinds'>,
  seen: readonly { connectionId: ConnectionId; kinds: string }[],
  compact: readonly CompactGroup[],
  next: CompactionPlace | undefined,
  now: EpochMs,
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    const ids = new Map<ConnectionId, GroupKinds>();
    const added: [ConnectionId, number, string][] = [];
    for (const [connectionId, of] of Map.groupBy(seen, (one) => one.connectionId)) {
      const known = kinds.get(connectionId) ?? new Map<string, number>();
      const fresh = newKinds(
        known,
        of.map((one) => one.kinds),
      );
      ids.set(connectionId, new Map([...known, ...fresh]));
      added.push(...[...fresh].map(([text, id]): [ConnectionId, number, string] => [connectionId, id, text]));
    }
    const rows = compact.map((group) => [
      group.connectionId,
      group.groupId,
      group.content,
      ids.get(group.connectionId)?.get(group.kinds),
      group.digest,
    ]);
    await db.d1.batch([
      db.d1.prepare(ADD_KINDS).bind(JSON.stringify(added)),
      db.d1.prepare(EMPTY_GROUPS).bind(JSON.stringify(rows)),
      next === undefined
        ? statement(db, db.orm.delete(brokerState).where(isPlace))
        : statement(
            db,
            db.orm
              .update(brokerState)
              .set({ value: JSON.stringify(next), updatedAt: now })
              .where(isPlace),
          ),
    ]);
  });

const isPlace = eq(brokerState.name, 'compaction');

const ADD_KINDS = `
  INSERT INTO group_kinds (connection_id, id, kinds)
  SELECT one.value ->> 0, one.value ->> 1, one.value ->> 2 FROM json_each(?1) AS one
  WHERE EXISTS (SELECT 1 FROM connections AS c WHERE c.id = one.value ->> 0)
  ON CONFLICT DO NOTHING`;

const EMPTY_GROUPS = `
  INSERT INTO groups (connection_id, group_id, measured_seconds, created_seconds, modified_seconds, source_id, ambiguous, content, stored_at, missing_since, kinds_id, digest)
  SELECT g.connection_id, g.group_id, g.measured_seconds, g.created_seconds, g.modified_seconds, g.source_id, g.ambiguous, '', g.stored_at,
    g.missing_since, one.value ->> 3, one.value ->> 4
  FROM json_each(?1) AS one CROSS JOIN groups AS g ON g.connection_id = one.value ->> 0 AND g.group_id = one.value ->> 1
  CROSS JOIN group_kinds AS k ON k.connection_id = g.connection_id AND k.id = one.value ->> 3
  WHERE g.content = one.value ->> 2
  ON CONFLICT DO UPDATE SET content = '', kinds_id = excluded.kinds_id, digest = excluded.digest`;
