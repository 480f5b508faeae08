import { and, asc, eq, inArray, isNull, lte, or, sql } from 'drizzle-orm';

import type { StoredTokens } from '../domain/connection.ts';
import type { ReauthReason } from '../domain/failure.ts';
import type { EpochMs } from '../domain/time.ts';
import { attempt, attemptIdempotent, type Db, type Stored } from './d1.ts';
import { apps, connections } from './schema.ts';
import { withEvent } from './timeline.ts';

/**
 * The token columns of a connection, and the transitions of the refresh protocol (`broker/access-token.ts`). Every write names the lease
 * and the version it relies on, so that what happened meanwhile (a disconnect, a reconnect, another holder) wins.
 */

const tokenColumns = {
  connectionId: connections.id,
  appId: connections.appId,
  userId: connections.userId,
  state: connections.state,
  stateReason: connections.stateReason,
  accessTokenSealed: connections.accessTokenSealed,
  refreshTokenSealed: connections.refreshTokenSealed,
  previousRefreshTokenSealed: connections.previousRefreshTokenSealed,
  tokenVersion: connections.tokenVersion,
  accessExpiresAt: connections.accessExpiresAt,
  refreshedAt: connections.refreshedAt,
  lastUsedAt: connections.lastUsedAt,
  refreshLeaseId: connections.refreshLeaseId,
  refreshLeaseUntil: connections.refreshLeaseUntil,
  refreshFailures: connections.refreshFailures,
};

/** The tokens of one connection; undefined where it does not exist. */
export const tokensOf = (db: Db, connectionId: number): Stored<StoredTokens | undefined> =>
  attempt(db, async () => {
    const row = await db.orm.select(tokenColumns).from(connections).where(eq(connections.id, connectionId)).get();
    return row === undefined ? undefined : tokensOfRow(row);
  });

/** The right to refresh one connection, until it is given back or runs out. */
export type RefreshLease = { id: string; until: EpochMs };

/**
 * Takes the lease of an active connection, unless somebody holds it, and reads its tokens as they are at that moment. The connection is
 * due again when the lease ends: whatever becomes of the holder, a refresh in doubt is retried while the old token still lives.
 *
 * The race that remains: a holder slower than its lease may still be sending when the next one sends. Both pairs are good at Withings,
 * and `recordRotation` keeps only the one whose lease still stands.
 */
export const takeRefreshLease = (
  db: Db,
  connectionId: number,
  lease: RefreshLease,
  now: EpochMs,
): Stored<StoredTokens | undefined> =>
  attempt(db, async () => {
    const row = await db.orm
      .update(connections)
      .set(leased(lease))
      .where(and(eq(connections.id, connectionId), eq(connections.state, 'active'), leaseIsFree(now)))
      .returning(tokenColumns)
      .get();
    return row === undefined ? undefined : tokensOfRow(row);
  });

/** Takes the leases of the connections that have been due longest, in one statement. */
export const takeDueLeases = (
  db: Db,
  lease: RefreshLease,
  limit: number,
  now: EpochMs,
): Stored<(StoredTokens & { appDisabled: boolean })[]> =>
  attempt(db, async () => {
    const due = db.orm
      .select({ id: connections.id })
      .from(connections)
      .where(lte(connections.nextRefreshAt, now))
      .orderBy(asc(connections.nextRefreshAt))
      .limit(limit);
    const rows = await db.orm
      .update(connections)
      .set(leased(lease))
      .where(and(inArray(connections.id, due), leaseIsFree(now)))
      .returning({
        ...tokenColumns,
        appDisabled: sql<number>`(SELECT disabled_at IS NOT NULL FROM ${apps} WHERE ${apps.id} = ${connections.appId})`,
      });
    return rows.map((row) => ({ ...tokensOfRow(row), appDisabled: row.appDisabled === 1 }));
  });

const leased = (lease: RefreshLease) => ({
  refreshLeaseId: lease.id,
  refreshLeaseUntil: lease.until,
  nextRefreshAt: lease.until,
});

const leaseIsFree = (now: EpochMs) =>
  or(isNull(connections.refreshLeaseUntil), lte(connections.refreshLeaseUntil, now));

const released = { refreshLeaseId: null, refreshLeaseUntil: null };

/** The row as a holder left it: still its lease, still the version it read. */
const asHeld = (held: { connectionId: number; leaseId: string; tokenVersion: number }) =>
  and(
    eq(connections.id, held.connectionId),
    eq(connections.refreshLeaseId, held.leaseId),
    eq(connections.tokenVersion, held.tokenVersion),
    eq(connections.state, 'active'),
  );

/** A new pair, sealed, and when it is due. */
export type Rotation = {
  connectionId: number;
  leaseId: string;
  tokenVersion: number;
  accessTokenSealed: string;
  refreshTokenSealed: string;
  /** The refresh token that was sent: Withings honours it until the new access token is used. */
  previousRefreshTokenSealed: string;
  accessExpiresAt: EpochMs;
  nextRefreshAt: EpochMs;
};

/**
 * Stores a new pair and gives the lease back, in one statement checked against lease and version. Repeated on D1's errors: a write whose
 * answer was lost finds its own lease as the row's `rotation_id`.
 *
 * @returns whether the pair is stored; false where a disconnect, a reconnect or another holder came first
 */
export const recordRotation = (db: Db, rotation: Rotation, now: EpochMs): Stored<boolean> =>
  attemptIdempotent(db, async () => {
    const { connectionId, leaseId, tokenVersion, ...pair } = rotation;
    const written = await db.orm
      .update(connections)
      .set({
        ...pair,
        ...released,
        tokenVersion: tokenVersion + 1,
        rotationId: leaseId,
        refreshedAt: now,
        refreshFailures: 0,
        timeline: withEvent({ kind: 'refreshed', at: now }),
      })
      .where(asHeld(rotation))
      .returning({ id: connections.id });
    if (written.length > 0) return true;
    const row = await db.orm
      .select({ rotationId: connections.rotationId, tokenVersion: connections.tokenVersion })
      .from(connections)
      .where(eq(connections.id, connectionId))
      .get();
    return row?.rotationId === leaseId && row.tokenVersion === tokenVersion + 1;
  });

/** Gives the lease back after a refresh that failed or was put off; nothing else is touched. */
export const recordRefreshFailure = (
  db: Db,
  held: { connectionId: number; leaseId: string; tokenVersion: number },
  failure: { kind: string; nextRefreshAt: EpochMs },
  now: EpochMs,
): Stored<void> =>
  attemptIdempotent(db, async () => {
    await db.orm
      .update(connections)
      .set({
        ...released,
        nextRefreshAt: failure.nextRefreshAt,
        refreshFailures: sql`${connections.refreshFailures} + 1`,
        lastFailureKind: failure.kind,
        lastFailureAt: now,
        timeline: withEvent({ kind: 'refresh_failed', reason: failure.kind, at: now }),
      })
      .where(asHeld(held));
  });

/** Gives back leases under which nothing was sent. */
export const returnLeases = (
  db: Db,
  leaseId: string,
  connectionIds: readonly number[],
  nextRefreshAt: EpochMs,
): Stored<void> =>
  attemptIdempotent(db, async () => {
    await db.d1
      .prepare(
        `UPDATE connections SET refresh_lease_id = NULL, refresh_lease_until = NULL, next_refresh_at = ?1
         WHERE id IN (SELECT value FROM json_each(?2)) AND refresh_lease_id = ?3`,
      )
      .bind(nextRefreshAt, JSON.stringify(connectionIds), leaseId)
      .run();
  });

/**
 * Declares that the person has to consent again, unless the tokens changed meanwhile. The tokens stay, sealed: should the rejection turn
 * out to be the operator's mistake, nothing is lost.
 *
 * @param held the version that was rejected, and the lease under which that was learned, if any
 */
export const recordReauthRequired = (
  db: Db,
  held: { connectionId: number; tokenVersion: number },
  reason: ReauthReason,
  now: EpochMs,
): Stored<boolean> =>
  attemptIdempotent(db, async () => {
    const written = await db.orm
      .update(connections)
      .set({
        ...released,
        state: 'reauth_required',
        stateReason: reason,
        stateSince: now,
        nextRefreshAt: null,
        syncResumeAt: null,
        timeline: withEvent({ kind: 'reauth_required', reason, at: now }),
      })
      .where(
        and(
          eq(connections.id, held.connectionId),
          eq(connections.tokenVersion, held.tokenVersion),
          eq(connections.state, 'active'),
        ),
      )
      .returning({ id: connections.id });
    return written.length > 0;
  });

type TokenRow = {
  [Column in keyof typeof tokenColumns]: (typeof connections.$inferSelect)[Column extends 'connectionId'
    ? 'id'
    : Column];
};

const tokensOfRow = (row: TokenRow): StoredTokens => ({
  ...row,
  stateReason: (row.stateReason ?? undefined) as ReauthReason | undefined,
  accessTokenSealed: row.accessTokenSealed ?? undefined,
  refreshTokenSealed: row.refreshTokenSealed ?? undefined,
  previousRefreshTokenSealed: row.previousRefreshTokenSealed ?? undefined,
  lastUsedAt: row.lastUsedAt ?? undefined,
  refreshLeaseId: row.refreshLeaseId ?? undefined,
  refreshLeaseUntil: row.refreshLeaseUntil ?? undefined,
});
