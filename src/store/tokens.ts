import { and, eq, isNull, lte, or, sql, type SQL } from 'drizzle-orm';

import type { StoredTokens } from '../domain/connection.ts';
import type { ReauthReason } from '../domain/failure.ts';
import type { EpochMs } from '../domain/time.ts';
import { withActivity } from './activity.ts';
import { attempt, attemptIdempotent, type Db, type Stored } from './d1.ts';
import { apps, connections } from './schema.ts';
import { withEvent } from './timeline.ts';

/**
 * The token columns of a connection, and the transitions of the refresh protocol (`broker/refresh.ts`). Every write names the lease
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
  inDoubtSince: connections.inDoubtSince,
};

/** The tokens of one connection; undefined where it does not exist. */
export const tokensOf = (db: Db, connectionId: number): Stored<StoredTokens | undefined> =>
  attempt(db, async () => {
    const row = await db.orm.select(tokenColumns).from(connections).where(eq(connections.id, connectionId)).get();
    return row === undefined ? undefined : tokensOfRow(row);
  });

/** The right to refresh one connection, until it is given back or runs out. */
export type RefreshLease = { id: string; takenAt: EpochMs; until: EpochMs };

/**
 * Takes the lease of an active connection, unless somebody holds it, and reads its tokens as they are at that moment. The connection is
 * due again when the lease ends, ahead of what is merely due: whatever becomes of the holder, a refresh in doubt is retried while the old
 * token still lives.
 *
 * The race that remains: a request that Withings carries out after the lease has run out and the next holder has sent its own. The pair
 * stored then is not the newest; a refresh after a doubt is followed by another within the 8 hours, which makes it so again.
 */
export const takeRefreshLease = (db: Db, connectionId: number, lease: RefreshLease): Stored<StoredTokens | undefined> =>
  attempt(db, async () => {
    const row = await db.orm
      .update(connections)
      .set(leased(lease))
      .where(and(eq(connections.id, connectionId), eq(connections.state, 'active'), leaseIsFree(lease.takenAt)))
      .returning(tokenColumns)
      .get();
    return row === undefined ? undefined : tokensOfRow(row);
  });

/** A connection whose lease was taken because it was due. */
export type DueTokens = StoredTokens & { appDisabled: boolean };

/** Takes the leases of what is in doubt and of what has been due longest, in one statement. */
export const takeDueLeases = (db: Db, lease: RefreshLease, limit: number): Stored<DueTokens[]> =>
  attempt(db, async () => {
    const dueIn = (queue: SQL) => sql`SELECT id FROM (SELECT id FROM ${connections}
      WHERE ${queue} AND next_refresh_at <= ${lease.takenAt} ORDER BY next_refresh_at LIMIT ${limit})`;
    const due = sql`${dueIn(sql`in_doubt_since IS NOT NULL`)} UNION ALL ${dueIn(sql`in_doubt_since IS NULL`)} LIMIT ${limit}`;
    const rows = await db.orm
      .update(connections)
      .set(leased(lease))
      .where(and(sql`${connections.id} IN (${due})`, leaseIsFree(lease.takenAt)))
      .returning({
        ...tokenColumns,
        appDisabled: sql<number>`coalesce((SELECT disabled_at IS NOT NULL FROM ${apps} WHERE ${apps.id} = ${connections.appId}), 1)`,
      });
    return rows.map((row) => ({ ...tokensOfRow(row), appDisabled: row.appDisabled === 1 }));
  });

const leased = (lease: RefreshLease) => ({
  refreshLeaseId: lease.id,
  refreshLeaseUntil: lease.until,
  nextRefreshAt: lease.until,
  inDoubtSince: sql`coalesce(${connections.inDoubtSince}, ${lease.takenAt})`,
});

const leaseIsFree = (now: EpochMs) =>
  or(isNull(connections.refreshLeaseUntil), lte(connections.refreshLeaseUntil, now));

const released = { refreshLeaseId: null, refreshLeaseUntil: null };

/** Clears the doubt that came with this lease; an older one stays. */
const certainAgain = (lease: RefreshLease) => sql`nullif(${connections.inDoubtSince}, ${lease.takenAt})`;

/** What a holder relies on: which row, at which version, under which lease. */
export type Held = { connectionId: number; tokenVersion: number; lease: RefreshLease };

/**
 * The row as the holder left it. The lease tells of a successor after the holder took too long; the version, of a disconnect or a
 * reconnect, which leave the lease alone because a request may still be on its way.
 */
const asHeld = ({ connectionId, tokenVersion, lease }: Held) =>
  and(
    eq(connections.id, connectionId),
    eq(connections.refreshLeaseId, lease.id),
    eq(connections.tokenVersion, tokenVersion),
    eq(connections.state, 'active'),
  );

/** A new pair, sealed, and when it is due. */
export type Rotation = {
  accessTokenSealed: string;
  refreshTokenSealed: string;
  /** The refresh token that was sent: Withings honours it until the new access token is used. */
  previousRefreshTokenSealed: string;
  accessExpiresAt: EpochMs;
  nextRefreshAt: EpochMs;
};

/**
 * Stores a new pair and gives the lease back, in one statement checked against lease and version. Repeated on D1's errors.
 *
 * @returns whether it was stored now. False where a disconnect, a reconnect or another holder came first, and where a write whose answer
 *   was lost had been applied: either way the row says what stands, and the caller looks there
 */
export const recordRotation = (db: Db, held: Held, pair: Rotation, now: EpochMs): Stored<boolean> =>
  attemptIdempotent(db, async () => {
    const written = await db.orm
      .update(connections)
      .set({
        ...pair,
        ...released,
        tokenVersion: held.tokenVersion + 1,
        refreshedAt: now,
        inDoubtSince: null,
        refreshFailures: 0,
        timeline: withEvent({ kind: 'refreshed', at: now }),
        activity: withActivity('refreshed', now),
      })
      .where(asHeld(held))
      .returning({ id: connections.id });
    return written.length > 0;
  });

/**
 * Gives the lease back after a refresh that failed; the tokens stay as they are.
 *
 * @param failure `inDoubt`: the tokens may have been rotated all the same, so the connection stays ahead of what is merely due
 */
export const recordRefreshFailure = (
  db: Db,
  held: Held,
  failure: { kind: string; inDoubt: boolean; nextRefreshAt: EpochMs },
  now: EpochMs,
): Stored<void> =>
  attemptIdempotent(db, async () => {
    await db.orm
      .update(connections)
      .set({
        ...released,
        ...(!failure.inDoubt && { inDoubtSince: certainAgain(held.lease) }),
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
  lease: RefreshLease,
  connectionIds: readonly number[],
  nextRefreshAt: EpochMs,
): Stored<void> =>
  attemptIdempotent(db, async () => {
    await db.orm
      .update(connections)
      .set({ ...released, nextRefreshAt, inDoubtSince: certainAgain(lease) })
      .where(
        and(
          sql`${connections.id} IN (SELECT value FROM json_each(${JSON.stringify(connectionIds)}))`,
          eq(connections.refreshLeaseId, lease.id),
          eq(connections.state, 'active'),
        ),
      );
  });

/** Drops the lease of a holder whose connection was disconnected or reconnected meanwhile; nothing else is the holder's any more. */
export const dropLease = (db: Db, connectionId: number, lease: RefreshLease): Stored<void> =>
  attempt(db, async () => {
    await db.orm
      .update(connections)
      .set(released)
      .where(and(eq(connections.id, connectionId), eq(connections.refreshLeaseId, lease.id)));
  });

/**
 * Declares that the person has to consent again, unless the tokens changed meanwhile: so the write is also the re-read that shows whether
 * somebody else rotated them. The tokens stay, sealed: should the rejection turn out to be the operator's mistake, nothing is lost.
 *
 * @param held the version that was rejected, and the lease under which that was learned, if any
 * @returns whether it was declared
 */
export const recordReauthRequired = (
  db: Db,
  held: { connectionId: number; tokenVersion: number; lease?: RefreshLease },
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
        inDoubtSince: null,
        nextRefreshAt: null,
        syncResumeAt: null,
        timeline: withEvent({ kind: 'reauth_required', reason, at: now }),
      })
      .where(
        and(
          eq(connections.id, held.connectionId),
          eq(connections.tokenVersion, held.tokenVersion),
          eq(connections.state, 'active'),
          held.lease === undefined ? undefined : eq(connections.refreshLeaseId, held.lease.id),
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
  inDoubtSince: row.inDoubtSince ?? undefined,
});
