import { and, desc, eq, isNull, lt, or } from 'drizzle-orm';

import { type ApiKey, KEY_SCOPES, type KeyScope } from '../../domain/app.ts';
import { type EpochMs, HOUR_MS } from '../../domain/time.ts';
import { tryD1, type Db, statement, type StoreResult } from '../d1.ts';
import { apiKeys } from '../schema/connections.ts';

/** Stores a new key by its hash, in one transaction with `alongside`. */
export const addApiKey = (
  db: Db,
  key: { hash: string; appId: string } & Omit<ApiKey, 'lastUsedAt' | 'revokedAt'>,
  alongside: D1PreparedStatement[],
): StoreResult<void> =>
  tryD1(db, async () => {
    const added = db.orm.insert(apiKeys).values({ ...key, scopes: key.scopes.join(' ') });
    await db.d1.batch([statement(db, added), ...alongside]);
  });

/** An app's keys, newest first, revoked ones included. */
export const apiKeysOf = (db: Db, appId: string): StoreResult<ApiKey[]> =>
  tryD1(db, async () => {
    const rows = await db.orm
      .select()
      .from(apiKeys)
      .where(eq(apiKeys.appId, appId))
      .orderBy(desc(apiKeys.createdAt), desc(apiKeys.id))
      .limit(MAX_KEYS_LISTED);
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

/** Revokes a key, with `alongside`; false where the app has no such key. Revoking twice keeps the first time. */
export const revokeApiKey = (
  db: Db,
  { appId, keyId }: { appId: string; keyId: string },
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

/** Notes that a key was used, at most hourly: every note is a row written. */
export const noteApiKeyUse = (db: Db, hash: string, now: EpochMs): StoreResult<void> =>
  tryD1(db, async () => {
    await db.orm
      .update(apiKeys)
      .set({ lastUsedAt: now })
      .where(and(eq(apiKeys.hash, hash), or(isNull(apiKeys.lastUsedAt), lt(apiKeys.lastUsedAt, now - HOUR_MS))));
  });

/** Whether a key's use wants noting. */
export const isUseStale = (lastUsedAt: EpochMs | null, now: EpochMs): boolean =>
  lastUsedAt === null || lastUsedAt < now - HOUR_MS;

/** Reads the stored form of scopes; a word that no longer means anything grants nothing. */
export const scopesOf = (stored: string): KeyScope[] => {
  const words = stored.split(' ');
  return KEY_SCOPES.filter((scope) => words.includes(scope));
};

const MAX_KEYS_LISTED = 100;
