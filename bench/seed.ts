import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';

/** A database as after some time in use: one app, its key, and users with a weigh-in a day. */

export const APP = 'app_0123456789abcdef0123';
export const REDIRECT_URI = 'womoji://withings/success';
/** The user that is asked about. */
export const USER = 'user-1';
const MEASUREMENTS_OF_USER = 1_000;

/** A well-formed API key: what it ends in is a checksum. */
const keyBody = `mushu_key_${'ab'.repeat(32)}`;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
export const API_KEY = keyBody + sha256(keyBody).slice(0, 8);

/** The statements of every migration, in their order. */
export const migrations = (root: string): string[] =>
  globSync(`${root}/migrations/*.sql`)
    .sort()
    .flatMap((file) => readFileSync(file, 'utf8').split('--> statement-breakpoint'))
    .map((statement) => statement.trim());

const numbers = (count: number): string =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;

/** Fills an empty database. */
export const rows = ({ connections, measurements }: { connections: number; measurements: number }): string[] => [
  `INSERT INTO apps (id, name, created_at) VALUES ('${APP}', 'Bench', 1)`,
  `INSERT INTO api_keys (hash, id, app_id, name, hint, scopes, created_at, last_used_at)
   VALUES ('${sha256(API_KEY)}', 'key_1', '${APP}', 'bench', 'abab', 'read sync manage-links', 1, ${Date.now()})`,
  `INSERT INTO redirect_uris (app_id, id, uri, warnings, created_at)
   VALUES ('${APP}', 'uri_1', '${REDIRECT_URI}', '[]', 1)`,
  `${numbers(connections)} INSERT INTO connections (id, app_id, user_id, withings_user_id, is_current, state, state_since, scope,
     created_at, token_version, access_expires_at, refreshed_at, next_refresh_at)
   SELECT i, '${APP}', 'user-' || i, 'w' || i, 1, 'active', 1, 'user.metrics', 1, 1, 9e12, 1, 9e12 + i FROM n`,
  `${numbers(connections)} INSERT INTO sources (connection_id, id, attrib, device_hash, model, model_id, time_zone)
   SELECT i, 1, 0, 'd', 'Body+', 5, 'Europe/Paris' FROM n`,
  ...[
    { first: 1, users: 1, each: Math.min(MEASUREMENTS_OF_USER, measurements) },
    { first: 2, users: connections - 1, each: Math.floor(measurements / connections) },
  ].map(
    ({ first, users, each }) => `${numbers(Math.max(0, users * each))}
      INSERT INTO measurements (connection_id, type, position, ambiguous, measured_seconds, group_id, value, source_id)
      SELECT ${first} + i % ${Math.max(1, users)}, 1, -1, 0, 1600000000 + 43200 * (i / ${Math.max(1, users)}), i, 68.2, 1 FROM n
      WHERE ${users * each} > 0`,
  ),
];
