import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';

import { sealToken } from '../../src/broker/tokens/sealed-tokens.ts';
import { parseKeyring } from '../../src/crypto/keyring.ts';
import { asAppId } from '../../src/domain/app-id.ts';
import { asConnectionId } from '../../src/domain/connection-id.ts';
import { secret } from '../../src/domain/secret.ts';
import { APP, MARK, REDIRECT_URI } from './marks.ts';

/**
 * A database as after some time in use: one app, its key, and users with a weigh-in every twelve hours; grown by steps.
 */

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A credential that is well formed: what it ends in is a checksum. */
const credential = (kind: string): string => {
  const body = `mushu_${kind}_${'ab'.repeat(32)}`;
  return body + sha256(body).slice(0, 8);
};
export const API_KEY = credential('key');
export const OPERATOR_TOKEN = credential('operator');
export const KEYRING = JSON.stringify({
  current: 'k1',
  keys: { k1: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE' },
});

/** The statements of every migration, in their order. */
export const migrations = (): string[] =>
  globSync(`${import.meta.dirname}/../../migrations/*.sql`)
    .sort()
    .flatMap((file) => readFileSync(file, 'utf8').split('--> statement-breakpoint'))
    .map((statement) => statement.trim());

/** The app, its key and its redirect URI. */
export const appRows = (): string[] => [
  // The first pull goes on behind a callback and is no part of its answer.
  `INSERT INTO apps (id, name, created_at, history_on_connect) VALUES ('${APP}', 'Bench', 1, 'none')`,
  `INSERT INTO api_keys (hash, id, app_id, name, hint, scopes, created_at, last_used_at)
   VALUES ('${sha256(API_KEY)}', 'key_1', '${APP}', 'bench', 'abab', 'read sync manage-links', 1, ${Date.now()})`,
  `INSERT INTO redirect_uris (app_id, id, uri, warnings, created_at)
   VALUES ('${APP}', 'uri_1', '${REDIRECT_URI}', '[]', 1)`,
];

const CHUNK = 100_000;

const chunks = (from: number, to: number): { first: number; last: number }[] =>
  Array.from({ length: Math.ceil((to - from) / CHUNK) }, (_, index) => ({
    first: from + index * CHUNK + 1,
    last: Math.min(to, from + (index + 1) * CHUNK),
  }));

const numbers = ({ first, last }: { first: number; last: number }): string =>
  `WITH RECURSIVE n(i) AS (SELECT ${first} UNION ALL SELECT i + 1 FROM n WHERE i < ${last})`;

/** Connections numbered from `from` + 1 to `to`, none of them due for a refresh. */
export const connectionRows = (from: number, to: number): string[] =>
  chunks(from, to).flatMap((chunk) => [
    `${numbers(chunk)} INSERT INTO connections (id, app_id, user_id, withings_user_id, is_current, state, state_since, scope,
       created_at, access_token_sealed, refresh_token_sealed, token_version, access_expires_at, refreshed_at, next_refresh_at)
     SELECT i, '${APP}', 'user-' || i, 'w' || i, 1, 'active', 1, 'user.metrics', 1, 'sealed', 'sealed', 1, 9e12, 1, 9e12 + i FROM n`,
    `${numbers(chunk)} INSERT INTO sources (connection_id, id, attrib, device_hash, model, model_id, time_zone)
     SELECT i, 1, 0, 'd', 'Body+', 5, 'Europe/Paris' FROM n`,
  ]);

const HALF_A_DAY_SECONDS = 43_200;
const FIRST_SECONDS = 1_600_000_000;

/** Weights of the connections numbered 1 to `connections`: from the `from`th of each to the `to`th. */
export const measurementRows = (connections: number, from: number, to: number): string[] => {
  const each = to - from;
  return chunks(0, connections * each).map(
    (chunk) => `${numbers(chunk)}
      INSERT INTO measurements (connection_id, type, position, ambiguous, measured_seconds, group_id, value, source_id)
      SELECT (i - 1) / ${each} + 1, 1, -1, 0, ${FIRST_SECONDS} + ${HALF_A_DAY_SECONDS} * (${from} + (i - 1) % ${each}),
        ${from} + (i - 1) % ${each}, 68.2, 1 FROM n`,
  );
};

/**
 * Connections to be synced: their tokens open, and what came before was read a day ago. Numbered from `MARK` + `from`.
 */
export const syncableRows = async (from: number, count: number): Promise<string[]> => {
  const keyring = parseKeyring(KEYRING);
  if (!keyring.ok) throw new Error(keyring.failure);
  const now = Date.now();
  const rows = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const id = MARK + from + index;
      const owner = { appId: asAppId(APP), connectionId: asConnectionId(id) };
      const sealed = (kind: 'access_token' | 'refresh_token') =>
        sealToken({ keyring: keyring.value }, owner, kind, secret(`token-${id}`));
      const [access, refresh] = [await sealed('access_token'), await sealed('refresh_token')];
      return `(${id}, '${APP}', 'user-${id}', '${id}', 1, 'active', 1, 'user.metrics', 1, '${access}', '${refresh}', 1,
        ${now + 10_800_000}, ${now}, ${now + 9e9}, ${Math.floor(now / 1000) - 86_400}, ${now + 9e9}, ${now - 86_400_000})`;
    }),
  );
  const columns = `id, app_id, user_id, withings_user_id, is_current, state, state_since, scope, created_at, access_token_sealed,
    refresh_token_sealed, token_version, access_expires_at, refreshed_at, next_refresh_at, sync_cursor_seconds, next_review_at, last_sync_at`;
  return Array.from(
    { length: Math.ceil(count / 100) },
    (_, index) => `INSERT INTO connections (${columns}) VALUES ${rows.slice(index * 100, index * 100 + 100).join(',')}`,
  );
};

/**
 * Gives the syncs' share of Withings' requests back as soon as it is taken: 120 a minute would be all that is measured.
 */
export const ENDLESS_SHARE = `CREATE TRIGGER endless_share AFTER UPDATE ON request_budgets WHEN new.empty_at > 0
  BEGIN UPDATE request_budgets SET empty_at = 0 WHERE name = new.name; END`;
