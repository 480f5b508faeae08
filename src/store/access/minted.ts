import { eq, type SQL, sql } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { Minter } from '../../domain/audit.ts';
import { type EpochMs, HOUR_MS } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { type Db, type StoreResult, tryD1 } from '../d1.ts';
import { type Param, prepared } from '../prepared.ts';
import { apps, connections } from '../schema/connections.ts';
import { type AppLookup, appColumns, appLookupOf, connectionColumns, currentConnectionOf } from './key-lookup.ts';

/** User tokens and connect sessions are signed and not stored. These queries say whether they are still valid. */

/** How long a user token is valid. */
export const USER_TOKEN_LIFETIME_MS = HOUR_MS;

export type MinterParams = {
  appId: AppId;
  keyId: string | null;
  accountId: string | null;
  tokenId: string | null;
  now: EpochMs;
};

/**
 * Whether the credential of the claims was revoked, has expired, or belongs to a disabled account. For a key, the index
 * has the answer.
 */
export const isMinterGone = (param: Param<MinterParams>): SQL<number> => sql<number>`CASE
  WHEN ${param('keyId')} IS NOT NULL THEN NOT EXISTS (
    SELECT 1 FROM api_keys AS k WHERE k.app_id = ${param('appId')} AND k.id = ${param('keyId')} AND k.revoked_at IS NULL)
  WHEN ${param('tokenId')} IS NOT NULL THEN NOT EXISTS (
    SELECT 1 FROM access_tokens AS t JOIN accounts AS a ON a.id = t.account_id
    WHERE t.account_id = ${param('accountId')} AND t.id = ${param('tokenId')} AND t.revoked_at IS NULL
      AND (t.expires_at IS NULL OR t.expires_at > ${param('now')}) AND a.disabled_at IS NULL)
  ELSE 0 END`;

export const minterParams = (appId: AppId, { key, acc, tok }: Minter, now: EpochMs): MinterParams => ({
  appId,
  keyId: key ?? null,
  accountId: acc ?? null,
  tokenId: tok ?? null,
  now,
});

const CALLER_BY_USER_TOKEN = prepared((orm, param: Param<MinterParams & { userId: UserId; userHash: string }>) =>
  orm
    .select({
      ...appColumns,
      ...connectionColumns,
      isMinterGone: isMinterGone(param).as('is_minter_gone'),
      epoch: sql<string | null>`(SELECT e.epoch FROM erased_users AS e
        WHERE e.app_id = ${param('appId')} AND e.user_hash = ${param('userHash')})`.as('epoch'),
    })
    .from(apps)
    .leftJoin(connections, currentConnectionOf(param('userId')))
    .where(eq(apps.id, param('appId'))),
);

/** The user of a user token, and whether the token ended with its key or with the user's data. */
export type UserTokenLookup = AppLookup & { isMinterGone: boolean; epoch: string | undefined };

/** The app of a user token, with the current connection of its user. Undefined if there is no such app. Four rows for a key's token. */
export const callerByUserToken = (
  db: Db,
  { appId, userId, userHash }: { appId: AppId; userId: UserId; userHash: string },
  minter: Minter,
  now: EpochMs,
): StoreResult<UserTokenLookup | undefined> =>
  tryD1(db, async () => {
    const row = await CALLER_BY_USER_TOKEN.first(db, { ...minterParams(appId, minter, now), userId, userHash });
    return row && { ...appLookupOf(row), isMinterGone: row.isMinterGone === 1, epoch: row.epoch ?? undefined };
  });

/** The user's last erasure, if a user token from before it may still be unexpired. */
export const erasureEpoch = (db: Db, appId: AppId, userHash: string): StoreResult<string | undefined> =>
  tryD1(
    db,
    async () =>
      (await db.d1
        .prepare('SELECT epoch FROM erased_users WHERE app_id = ?1 AND user_hash = ?2')
        .bind(appId, userHash)
        .first<string>('epoch')) ?? undefined,
  );

/** The statement that ends all user tokens of a user. */
export const endUserTokensStatement = (
  db: Db,
  { appId, userHash, epoch }: { appId: AppId; userHash: string; epoch: string },
  now: EpochMs,
): D1PreparedStatement =>
  db.d1
    .prepare(
      `INSERT INTO erased_users (app_id, user_hash, epoch, expires_at) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT DO UPDATE SET epoch = excluded.epoch, expires_at = excluded.expires_at`,
    )
    .bind(appId, userHash, epoch, now + 2 * USER_TOKEN_LIFETIME_MS);

/** How many marks of erasures one call deletes. */
const MAX_FORGOTTEN = 1_000;

/** Deletes marks of erasures that are older than any valid user token. */
export const forgetErasures = (db: Db, now: EpochMs): StoreResult<void> =>
  tryD1(db, async () => {
    await db.d1
      .prepare(
        `DELETE FROM erased_users WHERE (app_id, user_hash) IN
           (SELECT app_id, user_hash FROM erased_users WHERE expires_at <= ?1 LIMIT ?2)`,
      )
      .bind(now, MAX_FORGOTTEN)
      .run();
  });
