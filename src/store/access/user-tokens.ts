import { and, eq, type SQL, sql } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { Minter } from '../../domain/audit.ts';
import { ok } from '../../domain/result.ts';
import { type EpochMs, HOUR_MS } from '../../domain/time.ts';
import { type Db, statement, type StoreResult, tryD1 } from '../d1.ts';
import type { Reader } from '../metrics/read.ts';
import { type Param, prepared } from '../prepared.ts';
import { apps, connections } from '../schema/connections.ts';
import { erasedUsers } from '../schema/management.ts';
import {
  type Asked,
  connectionColumns,
  connectionOf,
  currentConnectionOf,
  type Found,
  isAppRefused,
  type KeyLookup,
  lookUpWith,
  type Refusal,
} from './key-lookup.ts';

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

type UserTokenAsked = MinterParams & Asked & { userHash: string; epoch: string | null };

/** The rules of a user token, in their only place. It ends with its key, and with the user's data. */
const refusalOfUserToken = (param: Param<UserTokenAsked>) => sql<Refusal | null>`CASE
  WHEN ${isMinterGone(param)} THEN 'credential_invalid'
  WHEN EXISTS (SELECT 1 FROM erased_users AS e WHERE e.app_id = ${param('appId')} AND e.user_hash = ${param('userHash')}
    AND e.epoch IS NOT ${param('epoch')}) THEN 'credential_invalid'
  WHEN ${isAppRefused(param)} THEN 'app_disabled' END`;

const CALLER_BY_USER_TOKEN = prepared((orm, param: Param<UserTokenAsked>) =>
  orm
    .select({ ...connectionColumns, refusal: refusalOfUserToken(param).as('refusal') })
    .from(apps)
    .leftJoin(connections, currentConnectionOf(param('userId')))
    .where(eq(apps.id, param('appId'))),
);

const OWNER_BY_USER_TOKEN = prepared((orm, param: Param<UserTokenAsked>) =>
  orm
    .select({ id: connections.id })
    .from(apps)
    .innerJoin(connections, currentConnectionOf(param('userId')))
    .where(and(eq(apps.id, param('appId')), sql`${refusalOfUserToken(param)} IS NULL`)),
);

/** The user of a user token. */
export type UserTokenLookup = Pick<KeyLookup, 'refusal' | 'connection'>;

/** The current connection of a user token's user. Undefined if there is no such app. Four rows for a key's token. */
export const callerByUserToken = async <Data>(
  db: Db,
  asked: Asked & { userHash: string; epoch: string | undefined },
  minter: Minter,
  now: EpochMs,
  reader?: Reader<Data>,
): StoreResult<Found<UserTokenLookup, Data>> => {
  const values = { ...minterParams(asked.appId, minter, now), ...asked, epoch: asked.epoch ?? null };
  const found = await lookUpWith(db, { caller: CALLER_BY_USER_TOKEN, owner: OWNER_BY_USER_TOKEN }, values, reader);
  if (!found.ok) return found;
  const { caller: row, data } = found.value;
  return ok({ caller: row && { refusal: row.refusal ?? undefined, connection: connectionOf(row) }, data });
};

const ERASURE_EPOCH = prepared((orm, param: Param<{ appId: AppId; userHash: string }>) =>
  orm
    .select({ epoch: erasedUsers.epoch })
    .from(erasedUsers)
    .where(and(eq(erasedUsers.appId, param('appId')), eq(erasedUsers.userHash, param('userHash')))),
);

/** The user's last erasure, if a user token from before it may still be unexpired. */
export const erasureEpoch = (db: Db, appId: AppId, userHash: string): StoreResult<string | undefined> =>
  tryD1(db, async () => (await ERASURE_EPOCH.first(db, { appId, userHash }))?.epoch);

/** The statement that ends all user tokens of a user. */
export const endUserTokensStatement = (
  db: Db,
  { appId, userHash, epoch }: { appId: AppId; userHash: string; epoch: string },
  now: EpochMs,
): D1PreparedStatement => {
  const mark = { epoch, expiresAt: now + 2 * USER_TOKEN_LIFETIME_MS };
  const marking = db.orm
    .insert(erasedUsers)
    .values({ appId, userHash, ...mark })
    .onConflictDoUpdate({ target: [erasedUsers.appId, erasedUsers.userHash], set: mark });
  return statement(db, marking);
};

/** How many marks of erasures one call deletes. */
const MAX_FORGOTTEN = 1_000;

/** Deletes marks of erasures that are older than any valid user token. Raw SQL: the builder has no row values. */
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
