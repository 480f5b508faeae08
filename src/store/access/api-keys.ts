import { and, type Column, desc, eq, isNull, lt, or, type SQL, sql } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import { type ApiKey, KEY_SCOPES, type KeyScope } from '../../domain/app.ts';
import { type CredentialPlace, MAX_VALID_CREDENTIALS } from '../../domain/credential-list.ts';
import { type EpochMs, HOUR_MS } from '../../domain/time.ts';
import { tryD1, type Db, statement, type StoreResult, returnedRows } from '../d1.ts';
import { apiKeys } from '../schema/connections.ts';

/**
 * Stores a new key by its hash, in one transaction with `alongside`; false if the app has too many that are valid. Raw
 * SQL: the builder inserts no select without a table.
 */
export const addApiKey = (
  db: Db,
  key: { hash: string; appId: AppId } & Omit<ApiKey, 'lastUsedAt' | 'revokedAt'>,
  alongside: D1PreparedStatement[],
): StoreResult<boolean> =>
  tryD1(db, async () => {
    const { hash, id, appId, name, hint, createdAt } = key;
    const adding = db.d1
      .prepare(
        `INSERT INTO api_keys (hash, id, app_id, name, hint, scopes, created_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
         WHERE (SELECT count(*) FROM (SELECT 1 FROM api_keys WHERE app_id = ?3 AND revoked_at IS NULL LIMIT ?8)) < ?8
         RETURNING id`,
      )
      .bind(hash, id, appId, name, hint, key.scopes.join(' '), createdAt, MAX_VALID_CREDENTIALS);
    const [added] = await db.d1.batch([adding, ...alongside]);
    return returnedRows(added) > 0;
  });

/** A page of an app's keys and one more: valid ones first, each part newest first. */
export const apiKeysOf = (db: Db, appId: AppId, after: CredentialPlace | undefined): StoreResult<ApiKey[]> =>
  tryD1(db, async () => {
    const rows = await db.orm
      .select()
      .from(apiKeys)
      .where(and(eq(apiKeys.appId, appId), isAfter(IS_REVOKED, apiKeys, after)))
      .orderBy(IS_REVOKED, desc(apiKeys.createdAt), desc(apiKeys.id))
      .limit(MAX_VALID_CREDENTIALS + 1);
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      hint: row.hint,
      scopes: scopesOf(row.scopes),
      createdAt: row.createdAt,
      lastUsedAt: row.lastUsedAt ?? undefined,
      revokedAt: row.revokedAt ?? undefined,
    }));
  });

const IS_REVOKED = sql<number>`(${apiKeys.revokedAt} IS NOT NULL)`;

/** What follows a place in a list of credentials. */
export const isAfter = (
  isOver: SQL<number>,
  { createdAt, id }: { createdAt: Column; id: Column },
  after: CredentialPlace | undefined,
): SQL | undefined =>
  after &&
  sql`(${isOver} > ${Number(after.isOver)} OR (${isOver} = ${Number(after.isOver)} AND (${createdAt}, ${id}) < (${after.createdAt}, ${after.id})))`;

/** Revokes a key, with `alongside`; false if the app has no such key. Revoking twice keeps the first time. */
export const revokeApiKey = (
  db: Db,
  { appId, keyId }: { appId: AppId; keyId: string },
  now: EpochMs,
  alongside: D1PreparedStatement[],
): StoreResult<boolean> =>
  tryD1(db, async () => {
    const known = and(eq(apiKeys.appId, appId), eq(apiKeys.id, keyId));
    const revoked = db.orm
      .update(apiKeys)
      .set({ revokedAt: now })
      .where(and(known, isNull(apiKeys.revokedAt)));
    await db.d1.batch([statement(db, revoked), ...alongside]);
    return (await db.orm.select({ id: apiKeys.id }).from(apiKeys).where(known).get()) !== undefined;
  });

/** Records that a key was used, at most hourly: each time costs a row written. */
export const recordApiKeyUse = (db: Db, hash: string, now: EpochMs): StoreResult<void> =>
  tryD1(db, async () => {
    await db.orm
      .update(apiKeys)
      .set({ lastUsedAt: now })
      .where(and(eq(apiKeys.hash, hash), or(isNull(apiKeys.lastUsedAt), lt(apiKeys.lastUsedAt, now - HOUR_MS))));
  });

/** Whether the use of a key has to be recorded. */
export const isUseStale = (lastUsedAt: EpochMs | null, now: EpochMs): boolean =>
  lastUsedAt === null || lastUsedAt < now - HOUR_MS;

/** Parses stored scopes. An unknown word grants nothing. */
const scopesOf = (stored: string): KeyScope[] => {
  const words = stored.split(' ');
  return KEY_SCOPES.filter((scope) => words.includes(scope));
};
