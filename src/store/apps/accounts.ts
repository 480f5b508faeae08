import { and, asc, desc, eq, gt, isNull, sql } from 'drizzle-orm';

import type { AccessToken, Account } from '../../domain/account.ts';
import { type CredentialPlace, MAX_VALID_CREDENTIALS } from '../../domain/credential-list.ts';
import type { EpochMs } from '../../domain/time.ts';
import { isAfter } from '../access/api-keys.ts';
import { tryD1, type Db, statement, type StoreResult, returnedRows } from '../d1.ts';
import { accessTokens, accounts } from '../schema/management.ts';

/** Stores a new account, in one transaction with `alongside`. */
export const addAccount = (db: Db, account: Account, alongside: D1PreparedStatement[]): StoreResult<void> =>
  tryD1(db, async () => {
    const added = db.orm.insert(accounts).values({ ...account, disabledAt: account.disabledAt ?? null });
    await db.d1.batch([statement(db, added), ...alongside]);
  });

/** The account with this id, or undefined. */
export const accountById = (db: Db, accountId: string): StoreResult<Account | undefined> =>
  tryD1(db, async () => {
    const row = await db.orm.select().from(accounts).where(eq(accounts.id, accountId)).get();
    return row === undefined ? undefined : accountOf(row);
  });

/** Accounts in the order of their ids, after one of them. */
export const accountsAfter = (db: Db, afterId: string, limit: number): StoreResult<Account[]> =>
  tryD1(db, async () => {
    const rows = await db.orm
      .select()
      .from(accounts)
      .where(gt(accounts.id, afterId))
      .orderBy(asc(accounts.id))
      .limit(limit);
    return rows.map(accountOf);
  });

/** The account's fields that the operator may change; absent ones stay. */
export type AccountChanges = {
  name?: string | undefined;
  /** A time to disable it, null to enable it. */
  disabledAt?: number | null | undefined;
};

/**
 * Changes an account, in one transaction with `alongside`; undefined if there is none. Disabling twice keeps the first
 * time.
 */
export const changeAccount = (
  db: Db,
  accountId: string,
  { name, disabledAt }: AccountChanges,
  alongside: D1PreparedStatement[],
): StoreResult<Account | undefined> =>
  tryD1(db, async () => {
    const change = db.orm
      .update(accounts)
      .set({
        // A statement must set something; an id set to itself changes nothing.
        id: accountId,
        ...(name !== undefined && { name }),
        ...(disabledAt === null && { disabledAt: null }),
        ...(typeof disabledAt === 'number' && { disabledAt: sql`coalesce(${accounts.disabledAt}, ${disabledAt})` }),
      })
      .where(eq(accounts.id, accountId));
    await db.d1.batch([statement(db, change), ...alongside]);
    const row = await db.orm.select().from(accounts).where(eq(accounts.id, accountId)).get();
    return row === undefined ? undefined : accountOf(row);
  });

/**
 * Stores a new access token by its hash, in one transaction with `alongside`; false if the account has too many that
 * are valid. Raw SQL: the builder inserts no select without a table.
 */
export const addAccessToken = (
  db: Db,
  token: { hash: string; accountId: string } & Omit<AccessToken, 'lastUsedAt' | 'revokedAt'>,
  alongside: D1PreparedStatement[],
): StoreResult<boolean> =>
  tryD1(db, async () => {
    const { hash, id, accountId, name, hint, createdAt, expiresAt } = token;
    const adding = db.d1
      .prepare(
        `INSERT INTO access_tokens (hash, id, account_id, name, hint, created_at, expires_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
         WHERE (SELECT count(*) FROM (SELECT 1 FROM access_tokens WHERE account_id = ?3 AND revoked_at IS NULL
           AND (expires_at IS NULL OR expires_at > ?6) LIMIT ?8)) < ?8
         RETURNING id`,
      )
      .bind(hash, id, accountId, name, hint, createdAt, expiresAt ?? null, MAX_VALID_CREDENTIALS);
    const [added] = await db.d1.batch([adding, ...alongside]);
    return returnedRows(added) > 0;
  });

/** A page of an account's tokens and one more: valid ones first, each part newest first. */
export const accessTokensOf = (
  db: Db,
  accountId: string,
  after: CredentialPlace | undefined,
  now: EpochMs,
): StoreResult<AccessToken[]> =>
  tryD1(db, async () => {
    const isOver = sql<number>`(${accessTokens.revokedAt} IS NOT NULL OR coalesce(${accessTokens.expiresAt} <= ${now}, 0))`;
    const rows = await db.orm
      .select()
      .from(accessTokens)
      .where(and(eq(accessTokens.accountId, accountId), isAfter(isOver, accessTokens, after)))
      .orderBy(isOver, desc(accessTokens.createdAt), desc(accessTokens.id))
      .limit(MAX_VALID_CREDENTIALS + 1);
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      hint: row.hint,
      createdAt: row.createdAt,
      expiresAt: row.expiresAt ?? undefined,
      lastUsedAt: row.lastUsedAt ?? undefined,
      revokedAt: row.revokedAt ?? undefined,
    }));
  });

/** Revokes a token, with `alongside`; false if the account has no such token. Revoking twice keeps the first time. */
export const revokeAccessToken = (
  db: Db,
  { accountId, tokenId }: { accountId: string; tokenId: string },
  now: EpochMs,
  alongside: D1PreparedStatement[],
): StoreResult<boolean> =>
  tryD1(db, async () => {
    const known = and(eq(accessTokens.accountId, accountId), eq(accessTokens.id, tokenId));
    const revoked = db.orm
      .update(accessTokens)
      .set({ revokedAt: now })
      .where(and(known, isNull(accessTokens.revokedAt)));
    await db.d1.batch([statement(db, revoked), ...alongside]);
    return (await db.orm.select({ id: accessTokens.id }).from(accessTokens).where(known).get()) !== undefined;
  });

const accountOf = (row: typeof accounts.$inferSelect): Account => ({ ...row, disabledAt: row.disabledAt ?? undefined });
