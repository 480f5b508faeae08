/**
 * What a database that was restored to an earlier time lacks: a pure function of two exports.
 *
 * The measurements and the position of each sync are those of the earlier time. Everything else is what it was last:
 * who is connected, with which tokens, which keys are good, which settings hold. So a token that was rotated since
 * stays the newer one, and what was erased, disconnected or revoked since stays so. Users who connected since stay
 * connected, and their history is read again from Withings.
 */
import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';

import { startOfHistory } from '../../src/domain/history.ts';
import { insertOf, literal, type Row } from '../deploy/sql-text.ts';

/** Restored, and deleted only for connections that are gone. */
export const RESTORED_TABLES = ['measurements', 'groups', 'sources', 'group_kinds'];

/** Carried over. They are small, and hold no measurement. */
export const CARRIED_TABLES = [
  'accounts',
  'access_tokens',
  'api_keys',
  'apps',
  'audit_entries',
  'broker_state',
  'claims',
  'connections',
  'dashboard_sessions',
  'erased_users',
  'events',
  'pending_connections',
  'redirect_uris',
  'request_budgets',
  'subscriptions',
  'waiting_pushes',
  'webhook_endpoints',
  'webhook_retries',
];

/** The columns of a connection that say what of its history is stored: they go with the measurements. */
const POSITION = [
  'sync_cursor_seconds',
  'sync_resume',
  'sync_history',
  'history_complete_from',
  'review_position',
  'last_sync_at',
  'last_sync_result',
];

/**
 * The columns that a refresh, a link and a disconnect write. If no newer tokens were stored since, the earlier state of
 * a connection holds: it may have been lost by the mistake that the restore takes back. A refresh that was sent in
 * between is still in doubt.
 */
const STATE = [
  'state',
  'state_reason',
  'state_since',
  'refresh_failures',
  'refresh_refused_since',
  'last_failure_kind',
  'last_failure_at',
];

/** Each list is of one `SET`. `c` is the connection as it was then. */
const positions = POSITION.map((column) => `${column} = c.${column}`);
const states = STATE.map((column) => `${column} = iif(c.token_version = n.token_version, c.${column}, n.${column})`);

/**
 * Turns the newer connections into what they have to be after the restore. If its measurements differ, a connection
 * gets an `ETag` that no client has, and the last place in the order of its app's changes, as one that may have changed
 * altogether.
 */
const merge = (now: number): string => `
  UPDATE connections SET change_seq = place.seq, recent_changes = json_object('since', place.seq, 'changes', json_array())
  FROM (
    SELECT n.id, row_number() OVER (PARTITION BY n.app_id ORDER BY n.id)
        + max(a.changes_floor, coalesce(max(n.change_seq) OVER (PARTITION BY n.app_id), 0)) AS seq,
      c.data_version IS NOT n.data_version AS differs
    FROM connections AS n JOIN apps AS a ON a.id = n.app_id AND a.reads_changes LEFT JOIN earlier.connections AS c ON c.id = n.id
  ) AS place WHERE place.id = connections.id AND place.differs;

  UPDATE connections AS n SET ${[...positions, ...states].join(', ')},
    next_refresh_at = iif(c.token_version = n.token_version AND n.in_doubt_since IS NULL, c.next_refresh_at, n.next_refresh_at),
    sync_resume_at = iif(n.state = 'active', coalesce(c.sync_resume_at, n.sync_resume_at), NULL),
    next_review_at = coalesce(c.next_review_at, n.next_review_at),
    data_version = n.data_version + (c.data_version <> n.data_version)
  FROM earlier.connections AS c WHERE c.id = n.id;

  UPDATE connections AS n SET sync_cursor_seconds = 0, sync_resume = NULL, history_complete_from = NULL, review_position = NULL,
    last_sync_at = NULL, last_sync_result = NULL, data_version = n.data_version + 1,
    sync_history = iif(a.history_on_connect = 'all', NULL, json_set(${literal(JSON.stringify(startOfHistory(now)))}, '$.reach', a.history_on_connect)),
    sync_resume_at = iif(n.state <> 'active' OR a.history_on_connect = 'none', NULL, ${now})
  FROM apps AS a WHERE a.id = n.app_id AND n.id NOT IN (SELECT id FROM earlier.connections);

  UPDATE connections SET refresh_lease_id = NULL, refresh_lease_until = NULL, sync_lease_id = NULL, sync_lease_until = NULL;
  DELETE FROM broker_state WHERE name = 'compaction';
  INSERT INTO broker_state SELECT * FROM earlier.broker_state WHERE name = 'compaction';`;

/** How many rows of a table are written and how many are deleted. */
export type Carried = { table: string; written: number; deleted: number };

/**
 * Compares two exports of the carried tables.
 *
 * @param exports the data of the database as it was last, and as it is after the restore, as SQL without a schema
 * @returns the statements for the restored database, to be run in one transaction, and what they change
 */
export const carryOver = (
  exports: { newer: string; earlier: string },
  now: number,
): { sql: string; carried: Carried[] } => {
  const database = new DatabaseSync(':memory:');
  try {
    database.exec(`ATTACH ':memory:' AS earlier; ${migrations()}`);
    database.exec(exports.earlier);
    for (const table of CARRIED_TABLES)
      database.exec(`CREATE TABLE earlier.${table} AS SELECT * FROM main.${table}; DELETE FROM main.${table}`);
    database.exec(exports.newer);
    database.exec(merge(now));
    const rows = (sql: string) => database.prepare(sql).all() as Row[];
    const changes = CARRIED_TABLES.map((table) => changesOf(rows, table));
    const gone = rows('SELECT id FROM earlier.connections EXCEPT SELECT id FROM main.connections');
    const erasures = RESTORED_TABLES.flatMap((table) =>
      gone.map(({ id }) => `DELETE FROM ${table} WHERE connection_id = ${id};\n`),
    );
    return {
      // A row may have been given a unique value that another had.
      sql: [
        ...erasures,
        ...changes.flatMap(({ deletes }) => deletes),
        ...changes.flatMap(({ inserts }) => inserts),
      ].join(''),
      carried: changes.map(({ table, deletes, inserts }) => ({
        table,
        written: inserts.length,
        deleted: deletes.length,
      })),
    };
  } finally {
    database.close();
  }
};

/** The statements that turn the earlier rows of a table into the newer ones. */
const changesOf = (rows: (sql: string) => Row[], table: string) => {
  const columns = rows(`SELECT name, pk FROM pragma_table_info('${table}')`);
  const key = columns.filter(({ pk }) => pk !== 0).map(({ name }) => String(name));
  const all = columns.map(({ name }) => `"${name}"`).join(', ');
  const difference = (of: string, without: string) =>
    rows(`SELECT ${all} FROM ${of}.${table} EXCEPT SELECT ${all} FROM ${without}.${table}`);
  return {
    table,
    deletes: difference('earlier', 'main').map(
      (row) =>
        `DELETE FROM "${table}" WHERE ${key.map((name) => `"${name}" = ${literal(row[name])}`).join(' AND ')};\n`,
    ),
    inserts: difference('main', 'earlier').map((row) => insertOf(table, row)),
  };
};

const FOLDER = fileURLToPath(import.meta.resolve('../../migrations'));

/** The migrations that this release knows, in their order. */
export const knownMigrations = (): string[] => globSync('*.sql', { cwd: FOLDER }).toSorted();

const migrations = (): string =>
  knownMigrations()
    .map((file) => readFileSync(resolve(FOLDER, file), 'utf8'))
    .join('\n');
