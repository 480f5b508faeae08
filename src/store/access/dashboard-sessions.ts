import { eq, inArray, isNull, lte } from 'drizzle-orm';

import type { SessionTimes } from '../../domain/dashboard-session.ts';
import type { EpochMs } from '../../domain/time.ts';
import { tryD1, tryD1Idempotent, type Db, type StoreResult } from '../d1.ts';
import { accessTokens, accounts, dashboardSessions } from '../schema/management.ts';

/** A stored dashboard session, with the state that may have ended it. */
export type StoredSession = SessionTimes & {
  /** Undefined for the operator. */
  account: { id: string; name: string; disabled: boolean } | undefined;
  /** SHA-256 of the token that signed in, hex. */
  tokenHash: string;
  /** For an account's session, the token that signed in; undefined if it no longer exists. */
  token: { id: string; name: string; revoked: boolean; expiresAt: EpochMs | undefined } | undefined;
};

/** How many expired sessions a sign-in deletes. */
const MAX_CLEARED = 20;

/** Stores a new session by its hash and deletes some expired ones. There are few, so no cron is needed. */
export const addSession = (
  db: Db,
  session: { idHash: string; accountId: string | undefined; tokenHash: string; expiresAt: EpochMs },
  now: EpochMs,
): StoreResult<void> =>
  tryD1(db, async () => {
    const over = db.orm
      .select({ idHash: dashboardSessions.idHash })
      .from(dashboardSessions)
      .where(lte(dashboardSessions.expiresAt, now))
      .limit(MAX_CLEARED);
    await db.orm.batch([
      db.orm.delete(dashboardSessions).where(inArray(dashboardSessions.idHash, over)),
      db.orm
        .insert(dashboardSessions)
        .values({ ...session, accountId: session.accountId ?? null, createdAt: now, lastSeenAt: now }),
    ]);
  });

/** The session with this hash, or undefined. Reads one row of each of three tables. */
export const sessionByHash = (db: Db, idHash: string): StoreResult<StoredSession | undefined> =>
  tryD1(db, async () => {
    const row = await db.orm
      .select({
        accountId: dashboardSessions.accountId,
        tokenHash: dashboardSessions.tokenHash,
        lastSeenAt: dashboardSessions.lastSeenAt,
        expiresAt: dashboardSessions.expiresAt,
        accountName: accounts.name,
        accountDisabledAt: accounts.disabledAt,
        tokenId: accessTokens.id,
        tokenName: accessTokens.name,
        tokenRevokedAt: accessTokens.revokedAt,
        tokenExpiresAt: accessTokens.expiresAt,
      })
      .from(dashboardSessions)
      .leftJoin(accounts, eq(accounts.id, dashboardSessions.accountId))
      .leftJoin(accessTokens, eq(accessTokens.hash, dashboardSessions.tokenHash))
      .where(eq(dashboardSessions.idHash, idHash))
      .get();
    if (row === undefined) return undefined;
    return {
      lastSeenAt: row.lastSeenAt,
      expiresAt: row.expiresAt,
      tokenHash: row.tokenHash ?? '',
      account:
        row.accountId === null
          ? undefined
          : { id: row.accountId, name: row.accountName ?? '', disabled: row.accountDisabledAt !== null },
      token:
        row.tokenId === null
          ? undefined
          : {
              id: row.tokenId,
              name: row.tokenName ?? '',
              revoked: row.tokenRevokedAt !== null,
              expiresAt: row.tokenExpiresAt ?? undefined,
            },
    };
  });

/** Records that a session is in use. */
export const recordSessionSeen = (db: Db, idHash: string, now: EpochMs): StoreResult<void> =>
  tryD1(db, async () => {
    await db.orm.update(dashboardSessions).set({ lastSeenAt: now }).where(eq(dashboardSessions.idHash, idHash));
  });

export const removeSession = (db: Db, idHash: string): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    await db.orm.delete(dashboardSessions).where(eq(dashboardSessions.idHash, idHash));
  });

/** Ends every session of an account, or of the operator if it is undefined. */
export const removeSessionsOf = (db: Db, accountId: string | undefined): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    const theirs =
      accountId === undefined ? isNull(dashboardSessions.accountId) : eq(dashboardSessions.accountId, accountId);
    await db.orm.delete(dashboardSessions).where(theirs);
  });
