import { env } from 'cloudflare:workers';

/**
 * Fills the tables with many users' connections, by statements that make up their rows themselves. They are plausible
 * to the broker and due for nothing: whatever is measured beside them must not read them.
 */

/** One app and key for so many connections. */
const CONNECTIONS_PER_APP = 100;
const FAR_FUTURE = Date.UTC(2099, 0, 1);

const numbers = `WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)`;
const app = `printf('app_seed%08d', i / ${CONNECTIONS_PER_APP})`;

const CONNECTIONS = `${numbers}
  INSERT INTO connections (id, app_id, user_id, withings_user_id, is_current, state, state_since, scope, created_at,
    access_token_sealed, refresh_token_sealed, token_version, access_expires_at, refreshed_at, next_refresh_at)
  SELECT 4000000000000000 + i, ${app}, printf('seeded-%d', i), printf('%d', 50000000 + i), 1, 'active', 0, 'user.metrics', 0,
    'sealed', 'sealed', 1, ${FAR_FUTURE}, 0, ${FAR_FUTURE} + i FROM n`;
const GROUPS = `${numbers}
  INSERT INTO groups (connection_id, group_id, measured_seconds, created_seconds, modified_seconds, source_id, ambiguous, content, stored_at)
  SELECT 4000000000000000 + i, 9000000000 + i, 1700000000 + i, 1700000000 + i, 1700000000 + i, 1, 0, '[[1,-1,70]]', 0 FROM n`;
const MEASUREMENTS = `${numbers}
  INSERT INTO measurements (connection_id, type, position, ambiguous, measured_seconds, group_id, value, source_id)
  SELECT 4000000000000000 + i, 1, -1, 0, 1700000000 + i, 9000000000 + i, 70, 1 FROM n`;
const CLAIMS = `${numbers} INSERT INTO claims (expires_at, id, outcome) SELECT ${FAR_FUTURE} + i, printf('%032x', i), 'connected' FROM n`;

const APPS = `${numbers} INSERT OR IGNORE INTO apps (id, name, created_at) SELECT ${app}, 'Seeded', 0 FROM n`;
const API_KEYS = `${numbers} INSERT OR IGNORE INTO api_keys (hash, id, app_id, name, hint, scopes, created_at)
  SELECT printf('%064x', i / ${CONNECTIONS_PER_APP}), 'key_1', ${app}, 'seeded', '0000', 'read', 0 FROM n`;
const REDIRECT_URIS = `${numbers} INSERT OR IGNORE INTO redirect_uris (app_id, id, uri, warnings, created_at)
  SELECT ${app}, 'uri_1', 'womoji://withings/success', '[]', 0 FROM n`;

/**
 * Adds seeded connections `from` to `to` (exclusive), each with a group, a measurement and a spent claim, and their
 * apps.
 */
export const seedConnections = async (from: number, to: number): Promise<void> => {
  const statements = [CONNECTIONS, GROUPS, MEASUREMENTS, CLAIMS, APPS, API_KEYS, REDIRECT_URIS];
  await env.DB.batch(statements.map((sql) => env.DB.prepare(sql).bind(from, to)));
};

/** Deletes everything that was seeded, so that no later test searches it. */
export const removeSeeded = async (): Promise<void> => {
  const seeded = `app_id LIKE 'app_seed%'`;
  const statements = [
    `DELETE FROM connections WHERE ${seeded}`,
    `DELETE FROM api_keys WHERE ${seeded}`,
    `DELETE FROM redirect_uris WHERE ${seeded}`,
    `DELETE FROM apps WHERE id LIKE 'app_seed%'`,
    'DELETE FROM groups WHERE group_id BETWEEN 7000000000 AND 9999999999',
    'DELETE FROM measurements WHERE group_id BETWEEN 7000000000 AND 9999999999',
    `DELETE FROM claims WHERE expires_at >= ${FAR_FUTURE}`,
  ];
  await env.DB.batch(statements.map((sql) => env.DB.prepare(sql)));
};

/** Gives a connection a weigh-in a day for so many days, newest last: eight measure types a group, and one height. */
export const seedHistory = async (connectionId: number, days: number, newestSeconds: number): Promise<void> => {
  const types = '(VALUES (1, 70.5), (5, 52.1), (6, 26.1), (8, 18.4), (76, 49.5), (77, 37.2), (88, 2.6), (11, 61))';
  await env.DB.batch([
    env.DB.prepare(
      `${numbers} INSERT INTO measurements (connection_id, type, position, ambiguous, measured_seconds, group_id, value, source_id)
       SELECT ?3, t.column1, -1, 0, ?4 - i * 86400, 8000000000 + i, t.column2, 1 FROM n CROSS JOIN ${types} AS t`,
    ).bind(0, days, connectionId, newestSeconds),
    env.DB.prepare(
      `INSERT INTO measurements (connection_id, type, position, ambiguous, measured_seconds, group_id, value, source_id)
       VALUES (?1, 4, -1, 0, ?2, 7999999999, 1.75, 1)`,
    ).bind(connectionId, newestSeconds - days * 86_400),
  ]);
};
