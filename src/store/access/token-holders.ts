import { and, eq, isNull, lt, or } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { App } from '../../domain/app.ts';
import { type EpochMs, HOUR_MS } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { appOf } from '../apps/apps.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { apps, connections } from '../schema/connections.ts';
import { accessTokens, accounts } from '../schema/management.ts';
import { isUseStale } from './api-keys.ts';
import { connectionColumns, connectionOf, type CurrentConnection, currentConnectionOf } from './key-lookup.ts';

/** The app of a management request, and the current connection of one of its users. */
export type Subject = { app: App | undefined; connection: CurrentConnection | undefined };

/** The holder of an access token, and the app and user in the request. Permission is not decided here. */
export type TokenHolder = Subject & {
  account: { id: string; name: string; disabled: boolean };
  token: { id: string; name: string; expiresAt: EpochMs | undefined; revoked: boolean; useIsStale: boolean };
};

/**
 * The account of an access token, with the request's app and user, in one round trip of at most one row of each table.
 * Undefined for an unknown token.
 */
export const tokenHolder = (
  db: Db,
  hash: string,
  about: { appId: AppId; userId: UserId },
  now: EpochMs,
): StoreResult<TokenHolder | undefined> =>
  tryD1(db, async () => {
    const row = await db.orm
      .select({
        tokenId: accessTokens.id,
        tokenName: accessTokens.name,
        expiresAt: accessTokens.expiresAt,
        revokedAt: accessTokens.revokedAt,
        lastUsedAt: accessTokens.lastUsedAt,
        accountId: accounts.id,
        accountName: accounts.name,
        accountDisabledAt: accounts.disabledAt,
        app: apps,
        ...connectionColumns,
      })
      .from(accessTokens)
      .innerJoin(accounts, eq(accounts.id, accessTokens.accountId))
      .leftJoin(apps, eq(apps.id, about.appId))
      .leftJoin(connections, currentConnectionOf(about.userId))
      .where(eq(accessTokens.hash, hash))
      .get();
    if (row === undefined) return undefined;
    return {
      account: { id: row.accountId, name: row.accountName, disabled: row.accountDisabledAt !== null },
      token: {
        id: row.tokenId,
        name: row.tokenName,
        expiresAt: row.expiresAt ?? undefined,
        revoked: row.revokedAt !== null,
        useIsStale: isUseStale(row.lastUsedAt, now),
      },
      app: row.app === null ? undefined : appOf(row.app),
      connection: connectionOf(row),
    };
  });

/** The request's app and user for the operator, who has no access token, in one round trip. */
export const loadSubject = (db: Db, { appId, userId }: { appId: AppId; userId: UserId }): StoreResult<Subject> =>
  tryD1(db, async () => {
    const row = await db.orm
      .select({ app: apps, ...connectionColumns })
      .from(apps)
      .leftJoin(connections, currentConnectionOf(userId))
      .where(eq(apps.id, appId))
      .get();
    return row === undefined
      ? { app: undefined, connection: undefined }
      : { app: appOf(row.app), connection: connectionOf(row) };
  });

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
