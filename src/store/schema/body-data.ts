import { integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core';

import type { ConnectionId } from '../../domain/connection-id.ts';

/**
 * Body data: Withings' groups, and the measurements in the order in which they are read. The conventions are those of
 * `connections.ts`.
 */

export const sources = sqliteTable(
  'sources',
  {
    // WITHOUT ROWID. The few devices, attributions and time zones that a connection's groups came with.
    connectionId: integer('connection_id').$type<ConnectionId>().notNull(),
    /** The next number. Releases up to 0.1 derived 48 bits from the other columns. */
    id: integer('id').notNull(),
    attrib: integer('attrib').notNull(),
    deviceHash: text('device_hash'),
    model: text('model'),
    modelId: integer('model_id'),
    timeZone: text('time_zone').notNull(),
  },
  (table) => [primaryKey({ columns: [table.connectionId, table.id] })],
);

export const groupKinds = sqliteTable(
  'group_kinds',
  {
    // WITHOUT ROWID. The few combinations of measure types and positions that a connection's groups have.
    connectionId: integer('connection_id').notNull(),
    /** Follows from `kinds`, unless other kinds of the connection had that id first. */
    id: integer('id').notNull(),
    /** JSON `[[type, position], …]`, ordered. */
    kinds: text('kinds').notNull(),
  },
  (table) => [primaryKey({ columns: [table.connectionId, table.id] })],
);

export const groups = sqliteTable(
  'groups',
  {
    // WITHOUT ROWID
    connectionId: integer('connection_id').$type<ConnectionId>().notNull(),
    /** Withings' `grpid`. */
    groupId: integer('group_id').notNull(),
    measuredSeconds: integer('measured_seconds').notNull(),
    createdSeconds: integer('created_seconds').notNull(),
    modifiedSeconds: integer('modified_seconds').notNull(),
    sourceId: integer('source_id').notNull(),
    ambiguous: integer('ambiguous', { mode: 'boolean' }).notNull(),
    /**
     * Empty, if `kindsId` and `digest` say what the group has. Releases up to 0.1 wrote its values here: JSON `[[type,
     * position, value], …]`, ordered. The cron empties those that they left.
     */
    content: text('content').notNull(),
    storedAt: integer('stored_at').notNull(),
    /** When a complete read of its window first missed it. A second miss removes it. */
    missingSince: integer('missing_since'),
    /** Of `group_kinds`: where to look up the group's values. */
    kindsId: integer('kinds_id'),
    /** Stands for the group's values, to recognize an edit without reading them: see `digestOf`. */
    digest: integer('digest'),
  },
  (table) => [primaryKey({ columns: [table.connectionId, table.groupId] })],
);

export const measurements = sqliteTable(
  'measurements',
  {
    // WITHOUT ROWID. Clustered in reading order: one metric of one connection over time.
    connectionId: integer('connection_id').$type<ConnectionId>().notNull(),
    /** Withings' measure type. */
    type: integer('type').notNull(),
    /** -1 for the whole body, else Withings' position. */
    position: integer('position').notNull(),
    /** Attrib 1, perhaps another person's: served only on request. */
    ambiguous: integer('ambiguous', { mode: 'boolean' }).notNull(),
    measuredSeconds: integer('measured_seconds').notNull(),
    groupId: integer('group_id').notNull(),
    value: real('value').notNull(),
    sourceId: integer('source_id').notNull(),
  },
  (table) => [
    primaryKey({
      columns: [table.connectionId, table.type, table.position, table.ambiguous, table.measuredSeconds, table.groupId],
    }),
  ],
);
