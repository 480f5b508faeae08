import { and, asc, eq } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { ConnectionState } from '../../domain/connection.ts';
import type { StoredGroup } from '../../domain/group-change.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { TimelineEvent } from '../../domain/timeline.ts';
import type { UserId } from '../../domain/user-id.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import type { sources } from '../schema/body-data.ts';
import { connections } from '../schema/connections.ts';
import type { RawRow } from '../schema/raw-row.ts';
import { timelineOf } from '../users/timeline.ts';
import { GROUP_COLUMNS, type GroupRow, groupOfRow } from './group-row.ts';

/**
 * Reads everything that is stored about a user, for an export, without tokens. Groups are raw SQL, as `GROUP_COLUMNS`.
 */

/** A connection of a user, earlier ones included. */
export type ExportedConnection = {
  id: ConnectionId;
  withingsUserId: string;
  isCurrent: boolean;
  isDemo: boolean;
  state: ConnectionState;
  scope: string;
  createdAt: EpochMs;
  lastSyncAt: EpochMs | null;
  timeline: TimelineEvent[];
};

/** All connections of a user, in the order of their ids. */
export const everyConnectionOf = (db: Db, appId: AppId, userId: UserId): StoreResult<ExportedConnection[]> =>
  tryD1(db, async () => {
    const rows = await db.orm
      .select({
        id: connections.id,
        withingsUserId: connections.withingsUserId,
        isCurrent: connections.isCurrent,
        isDemo: connections.isDemo,
        state: connections.state,
        scope: connections.scope,
        createdAt: connections.createdAt,
        lastSyncAt: connections.lastSyncAt,
        timeline: connections.timeline,
      })
      .from(connections)
      .where(and(eq(connections.appId, appId), eq(connections.userId, userId)))
      .orderBy(asc(connections.id));
    return rows.map((row) => ({ ...row, timeline: timelineOf(row.timeline) }));
  });

/** A stored group with its source. */
export type ExportedGroup = Omit<StoredGroup, 'sourceId'> & {
  source: { model: string | null; attrib: number; timeZone: string; deviceId: string | null };
};

/** Null if a group's source is not stored. */
type Nullable<Row> = { [Column in keyof Row]: Row[Column] | null };
type ExportedRow = GroupRow & Nullable<Pick<RawRow<typeof sources>, 'model' | 'attrib' | 'time_zone' | 'device_hash'>>;

const EXPORTED_COLUMNS = `${GROUP_COLUMNS},
  s.model, s.attrib, s.time_zone, s.device_hash`;

/** Groups of a connection in the order of their ids, after one of them. */
export const groupsAfter = (
  db: Db,
  connectionId: ConnectionId,
  afterGroupId: number,
  limit: number,
): StoreResult<ExportedGroup[]> =>
  tryD1(db, async () => {
    const { results } = await db.d1
      .prepare(
        `SELECT ${EXPORTED_COLUMNS}
         FROM groups AS g LEFT JOIN sources AS s ON s.connection_id = g.connection_id AND s.id = g.source_id
         WHERE g.connection_id = ?1 AND g.group_id > ?2 ORDER BY g.group_id LIMIT ?3`,
      )
      .bind(connectionId, afterGroupId, limit)
      .all<ExportedRow>();
    return results.map(groupOf);
  });

/** The name of a group of a connection. */
export type GroupName = { connectionId: ConnectionId; groupId: number };

/** The named groups in the order of the names, undefined for missing ones: two rows read for each. */
export const groupsNamed = (db: Db, names: readonly GroupName[]): StoreResult<(ExportedGroup | undefined)[]> =>
  tryD1(db, async () => {
    const { results } = await db.d1
      .prepare(
        `SELECT wanted.key AS place, ${EXPORTED_COLUMNS}
         FROM json_each(?1) AS wanted
         CROSS JOIN groups AS g ON g.connection_id = wanted.value ->> 0 AND g.group_id = wanted.value ->> 1
         LEFT JOIN sources AS s ON s.connection_id = g.connection_id AND s.id = g.source_id`,
      )
      .bind(JSON.stringify(names.map(({ connectionId, groupId }) => [connectionId, groupId])))
      .all<ExportedRow & { place: number }>();
    const found = new Map(results.map((row) => [row.place, groupOf(row)]));
    return names.map((_, place) => found.get(place));
  });

const groupOf = (row: ExportedRow): ExportedGroup => ({
  ...groupOfRow(row),
  source: {
    model: row.model,
    attrib: row.attrib ?? -1,
    timeZone: row.time_zone ?? 'UTC',
    deviceId: row.device_hash,
  },
});
