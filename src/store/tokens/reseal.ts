import { and, asc, eq, gt, sql } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import { asConnectionId, type ConnectionId } from '../../domain/connection-id.ts';
import type { UserId } from '../../domain/user-id.ts';
import { tryD1, type Db, statement, type StoreResult, returnedRows } from '../d1.ts';
import { connections } from '../schema/connections.ts';

/** All sealed tokens of a connection, and the version that they were read at. */
export type SealedTokens = {
  connectionId: ConnectionId;
  appId: AppId;
  userId: UserId;
  tokenVersion: number;
  accessTokenSealed: string | undefined;
  refreshTokenSealed: string | undefined;
  previousRefreshTokenSealed: string | undefined;
};

/** Connections after an id, in the order of ids, with and without tokens. */
export const sealedTokensAfter = (db: Db, afterId: number, limit: number): StoreResult<SealedTokens[]> =>
  tryD1(db, async () => {
    const rows = await db.orm
      .select({
        connectionId: connections.id,
        appId: connections.appId,
        userId: connections.userId,
        tokenVersion: connections.tokenVersion,
        accessTokenSealed: connections.accessTokenSealed,
        refreshTokenSealed: connections.refreshTokenSealed,
        previousRefreshTokenSealed: connections.previousRefreshTokenSealed,
      })
      .from(connections)
      .where(gt(connections.id, asConnectionId(afterId)))
      .orderBy(asc(connections.id))
      .limit(limit);
    return rows.map((row) => ({
      ...row,
      accessTokenSealed: row.accessTokenSealed ?? undefined,
      refreshTokenSealed: row.refreshTokenSealed ?? undefined,
      previousRefreshTokenSealed: row.previousRefreshTokenSealed ?? undefined,
    }));
  });

/**
 * Replaces tokens by those sealed with the current key, in one round trip. Each write names the version and the blobs
 * that it read, so any other write in between wins. The version stays, because the tokens are the same: a refresh that
 * is running can still be stored.
 *
 * @returns how many were replaced
 */
export const replaceSealed = (
  db: Db,
  changes: readonly { before: SealedTokens; after: SealedTokens }[],
): StoreResult<number> =>
  tryD1(db, async () => {
    if (changes.length === 0) return 0;
    const results = await db.d1.batch(changes.map((change) => replaceStatement(db, change)));
    return results.reduce((sum, result) => sum + returnedRows(result), 0);
  });

const replaceStatement = (
  db: Db,
  { before, after }: { before: SealedTokens; after: SealedTokens },
): D1PreparedStatement =>
  statement(
    db,
    db.orm
      .update(connections)
      .set({
        accessTokenSealed: after.accessTokenSealed ?? null,
        refreshTokenSealed: after.refreshTokenSealed ?? null,
        previousRefreshTokenSealed: after.previousRefreshTokenSealed ?? null,
      })
      .where(
        and(
          eq(connections.id, before.connectionId),
          eq(connections.tokenVersion, before.tokenVersion),
          sql`${connections.accessTokenSealed} IS ${before.accessTokenSealed ?? null}`,
          sql`${connections.refreshTokenSealed} IS ${before.refreshTokenSealed ?? null}`,
          sql`${connections.previousRefreshTokenSealed} IS ${before.previousRefreshTokenSealed ?? null}`,
        ),
      )
      .returning({ id: connections.id }),
  );
