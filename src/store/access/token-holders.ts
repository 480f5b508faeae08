import { and, eq, isNull, lt, or, sql } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { App } from '../../domain/app.ts';
import { ok } from '../../domain/result.ts';
import { type EpochMs, HOUR_MS } from '../../domain/time.ts';
import { appOf } from '../apps/apps.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import type { Reader } from '../metrics/read.ts';
import { type Param, prepared } from '../prepared.ts';
import { apps, connections } from '../schema/connections.ts';
import { accessTokens, accounts } from '../schema/management.ts';
import { isUseStale } from './api-keys.ts';
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

/** The holder of an access token, and the app in the request. Permission for the app is not decided here. */
type TokenHolder = {
  accountId: string;
  accountName: string;
  token: { id: string; name: string; expiresAt: EpochMs | undefined };
  /** Whether the token was revoked, has expired, or belongs to a disabled account. */
  isOver: boolean;
  useIsStale: boolean;
  app: App | undefined;
};

type TokenAsked = Asked & { hash: string; now: EpochMs };

const isTokenOver = (param: Param<Pick<TokenAsked, 'now'>>) => sql<number>`(${accessTokens.revokedAt} IS NOT NULL
  OR coalesce(${accessTokens.expiresAt} <= ${param('now')}, FALSE) OR ${accounts.disabledAt} IS NOT NULL)`;

const TOKEN_HOLDER = prepared((orm, param: Param<{ hash: string; appId: AppId; now: EpochMs }>) =>
  orm
    .select({
      tokenId: accessTokens.id,
      tokenName: accessTokens.name,
      expiresAt: accessTokens.expiresAt,
      lastUsedAt: accessTokens.lastUsedAt,
      isOver: isTokenOver(param),
      accountId: accounts.id,
      accountName: accounts.name,
      app: apps,
    })
    .from(accessTokens)
    .innerJoin(accounts, eq(accounts.id, accessTokens.accountId))
    .leftJoin(apps, eq(apps.id, param('appId')))
    .where(eq(accessTokens.hash, param('hash'))),
);

/**
 * The account of an access token, with the request's app, in one round trip of at most one row of each table. Undefined
 * for an unknown token.
 */
export const tokenHolder = (db: Db, hash: string, appId: AppId, now: EpochMs): StoreResult<TokenHolder | undefined> =>
  tryD1(db, async () => {
    const row = await TOKEN_HOLDER.first(db, { hash, appId, now });
    if (row === undefined) return undefined;
    return {
      accountId: row.accountId,
      accountName: row.accountName,
      token: { id: row.tokenId, name: row.tokenName, expiresAt: row.expiresAt ?? undefined },
      isOver: row.isOver === 1,
      useIsStale: isUseStale(row.lastUsedAt, now),
      app: row.app === null ? undefined : appOf(row.app),
    };
  });

/** The rules of an access token for a user's data: what is read in the same batch depends on them. */
const refusalOfToken = (param: Param<TokenAsked>) => sql<Refusal | null>`CASE
  WHEN ${isTokenOver(param)} THEN 'credential_invalid'
  WHEN ${apps.accountId} IS NOT ${accounts.id} THEN 'app_not_found'
  WHEN ${isAppRefused(param)} THEN 'app_disabled' END`;

const CALLER_BY_TOKEN = prepared((orm, param: Param<TokenAsked>) =>
  orm
    .select({
      tokenId: accessTokens.id,
      accountId: accessTokens.accountId,
      lastUsedAt: accessTokens.lastUsedAt,
      refusal: refusalOfToken(param).as('refusal'),
      ...connectionColumns,
    })
    .from(accessTokens)
    .innerJoin(accounts, eq(accounts.id, accessTokens.accountId))
    .leftJoin(apps, eq(apps.id, param('appId')))
    .leftJoin(connections, currentConnectionOf(param('userId')))
    .where(eq(accessTokens.hash, param('hash'))),
);

const OWNER_BY_TOKEN = prepared((orm, param: Param<TokenAsked>) =>
  orm
    .select({ id: connections.id })
    .from(accessTokens)
    .innerJoin(accounts, eq(accounts.id, accessTokens.accountId))
    .innerJoin(apps, eq(apps.id, param('appId')))
    .innerJoin(connections, currentConnectionOf(param('userId')))
    .where(and(eq(accessTokens.hash, param('hash')), sql`${refusalOfToken(param)} IS NULL`)),
);

/** The data of an access token, and the current connection of the user. */
type TokenLookup = Pick<KeyLookup, 'refusal' | 'useIsStale' | 'connection'> & {
  tokenId: string;
  accountId: string;
};

/** Finds the access token with this hash, and the user's current connection; undefined if there is no such token. */
export const callerByToken = async <Data>(
  db: Db,
  asked: TokenAsked,
  reader?: Reader<Data>,
): StoreResult<Found<TokenLookup, Data>> => {
  const found = await lookUpWith(db, { caller: CALLER_BY_TOKEN, owner: OWNER_BY_TOKEN }, asked, reader);
  if (!found.ok) return found;
  const { caller: row, data } = found.value;
  const caller = row && {
    tokenId: row.tokenId,
    accountId: row.accountId,
    refusal: row.refusal ?? undefined,
    useIsStale: isUseStale(row.lastUsedAt, asked.now),
    connection: connectionOf(row),
  };
  return ok({ caller, data });
};

/** Records that a token was used, at most hourly: each time costs a row written. */
export const recordTokenUse = (db: Db, hash: string, now: EpochMs): StoreResult<void> =>
  tryD1(db, async () => {
    await db.orm
      .update(accessTokens)
      .set({ lastUsedAt: now })
      .where(
        and(
          eq(accessTokens.hash, hash),
          or(isNull(accessTokens.lastUsedAt), lt(accessTokens.lastUsedAt, now - HOUR_MS)),
        ),
      );
  });
