import { and, eq, isNull, lte, or, sql, type SQL } from 'drizzle-orm';

import type { ConnectionId } from '../../domain/connection-id.ts';
import type { StoredTokens } from '../../domain/connection.ts';
import type { ReauthReason } from '../../domain/failure.ts';
import { type EpochMs, HOUR_MS } from '../../domain/time.ts';
import { withActivity } from '../activity.ts';
import { tryD1, tryD1Idempotent, type Db, type StoreResult } from '../d1.ts';
import { prepared, type Param } from '../prepared.ts';
import { apps, connections } from '../schema/connections.ts';
import { withEvent } from '../timeline.ts';
import { eventStatement, type NewEvent, noteRecorded } from '../webhooks/events.ts';
import { tokenColumns, tokensOfRow } from './token-row.ts';

const TOKENS = prepared((orm, param: Param<{ connectionId: ConnectionId }>) =>
  orm
    .select(tokenColumns)
    .from(connections)
    .where(eq(connections.id, param('connectionId'))),
);

export const tokensOf = (db: Db, connectionId: ConnectionId): StoreResult<StoredTokens | undefined> =>
  tryD1(db, async () => {
    const row = await TOKENS.first(db, { connectionId });
    return row === undefined ? undefined : tokensOfRow(row);
  });

/** The right to refresh one connection, until it is returned or ends. */
export type RefreshLease = { id: string; takenAt: EpochMs; until: EpochMs };

const TAKE_LEASE = prepared((orm, param: Param<{ connectionId: ConnectionId } & RefreshLease>) =>
  orm
    .update(connections)
    .set(leaseColumns(param))
    .where(and(eq(connections.id, param('connectionId')), eq(connections.state, 'active'), leaseIsFree(param)))
    .returning(tokenColumns),
);

/**
 * Takes the lease of an active connection, unless it is held, and reads the tokens of that moment. The connection is
 * due again when the lease ends, ahead of connections that are not in doubt. So a refresh in doubt is retried while the
 * old refresh token still lives.
 *
 * The race that remains: Withings carries out a request after its lease ended and the next holder has sent its own. The
 * stored pair is then not the newest. A refresh after a doubt is followed by another within the 8 hours, which fixes
 * that.
 */
export const takeRefreshLease = (
  db: Db,
  connectionId: ConnectionId,
  lease: RefreshLease,
): StoreResult<StoredTokens | undefined> =>
  tryD1(db, async () => {
    const row = await TAKE_LEASE.first(db, { connectionId, ...lease });
    return row === undefined ? undefined : tokensOfRow(row);
  });

/** A due connection whose lease was taken. */
export type DueTokens = StoredTokens & { appDisabled: boolean };

const TAKE_DUE_LEASES = prepared((orm, param: Param<{ limit: number } & RefreshLease>) => {
  const dueIn = (queue: SQL) => sql`SELECT id FROM (SELECT id FROM ${connections}
    WHERE ${queue} AND next_refresh_at <= ${param('takenAt')} ORDER BY next_refresh_at LIMIT ${param('limit')})`;
  const due = sql`${dueIn(sql`in_doubt_since IS NOT NULL`)} UNION ALL ${dueIn(sql`in_doubt_since IS NULL`)} LIMIT ${param('limit')}`;
  return orm
    .update(connections)
    .set(leaseColumns(param))
    .where(and(sql`${connections.id} IN (${due})`, leaseIsFree(param)))
    .returning({
      ...tokenColumns,
      appDisabled: sql<number>`coalesce((SELECT disabled_at IS NOT NULL FROM ${apps} WHERE ${apps.id} = ${connections.appId}), 1)`,
    });
});

/** Takes the leases of connections in doubt and of those due longest, in one statement. */
export const takeDueLeases = (db: Db, lease: RefreshLease, limit: number): StoreResult<DueTokens[]> =>
  tryD1(db, async () => {
    const rows = await TAKE_DUE_LEASES.rows(db, { ...lease, limit });
    return rows.map((row) => ({ ...tokensOfRow(row), appDisabled: row.appDisabled === 1 }));
  });

const leaseColumns = (param: Param<RefreshLease>) => ({
  refreshLeaseId: param('id'),
  refreshLeaseUntil: param('until'),
  nextRefreshAt: param('until'),
  inDoubtSince: sql<number>`coalesce(${connections.inDoubtSince}, ${param('takenAt')})`,
});

const leaseIsFree = (param: Param<RefreshLease>) =>
  or(
    isNull(connections.refreshLeaseUntil),
    lte(connections.refreshLeaseUntil, param('takenAt')),
    // No lease is this long: the clock of the isolate that took it was ahead.
    sql`${connections.refreshLeaseUntil} > ${param('takenAt')} + ${sql.raw(String(HOUR_MS))}`,
  );

const noLease = { refreshLeaseId: null, refreshLeaseUntil: null };

/** Clears the doubt that this lease set. An older doubt stays. */
const clearDoubt = (param: Param<RefreshLease>) =>
  sql<number>`nullif(${connections.inDoubtSince}, ${param('takenAt')})`;

/** What a write of the holder depends on: the row, its version and the lease. */
export type HeldLease = { connectionId: ConnectionId; tokenVersion: number; lease: RefreshLease };

type HeldValues = Omit<HeldLease, 'lease'> & RefreshLease;

/**
 * The row as the holder read it. The lease shows whether another holder followed. The version shows a disconnect or a
 * reconnect, which leave the lease because a request may still be sent.
 */
const whereHeld = (param: Param<HeldValues>) =>
  and(
    eq(connections.id, param('connectionId')),
    eq(connections.refreshLeaseId, param('id')),
    eq(connections.tokenVersion, param('tokenVersion')),
    eq(connections.state, 'active'),
  );

const heldValues = ({ lease, ...held }: HeldLease): HeldValues => ({ ...held, ...lease });

/** A new pair, sealed, and when the connection is due again. */
export type Rotation = {
  accessTokenSealed: string;
  refreshTokenSealed: string;
  /** The refresh token that was sent. Withings accepts it until the new access token is used. */
  previousRefreshTokenSealed: string;
  accessExpiresAt: EpochMs;
  nextRefreshAt: EpochMs;
};

const RECORD_ROTATION = prepared((orm, param: Param<HeldValues & Rotation & { now: EpochMs }>) =>
  orm
    .update(connections)
    .set({
      accessTokenSealed: param('accessTokenSealed'),
      refreshTokenSealed: param('refreshTokenSealed'),
      previousRefreshTokenSealed: param('previousRefreshTokenSealed'),
      accessExpiresAt: param('accessExpiresAt'),
      nextRefreshAt: param('nextRefreshAt'),
      ...noLease,
      tokenVersion: sql`${param('tokenVersion')} + 1`,
      refreshedAt: param('now'),
      inDoubtSince: null,
      refreshFailures: 0,
      refreshRefusedSince: null,
      timeline: withEvent({ kind: 'refreshed', at: param('now') }),
      activity: withActivity('refreshed', param('now')),
    })
    .where(whereHeld(param))
    .returning({ id: connections.id }),
);

/**
 * Stores a new pair and returns the lease, in one statement that checks lease and version. Retried on D1 errors.
 *
 * @returns whether it was stored now. False if a disconnect, a reconnect or another holder came first, or if an earlier
 *   attempt of this write was applied and its answer lost. The caller reads the row.
 */
export const recordRotation = (db: Db, held: HeldLease, pair: Rotation, now: EpochMs): StoreResult<boolean> =>
  tryD1Idempotent(db, async () => {
    const written = await RECORD_ROTATION.rows(db, { ...heldValues(held), ...pair, now });
    return written.length > 0;
  });

/**
 * `inDoubt`: the tokens may have been rotated, so the connection stays first in the queue. `isRefused`: see
 * `isRefusalBelieved`.
 */
export type RefreshFailure = { kind: string; inDoubt: boolean; isRefused: boolean; nextRefreshAt: EpochMs };

const RECORD_FAILURE = prepared((orm, param: Param<HeldValues & RefreshFailure & { now: EpochMs }>) =>
  orm
    .update(connections)
    .set({
      ...noLease,
      inDoubtSince: sql`CASE WHEN ${param('inDoubt')} THEN ${connections.inDoubtSince} ELSE ${clearDoubt(param)} END`,
      nextRefreshAt: param('nextRefreshAt'),
      refreshFailures: sql`${connections.refreshFailures} + 1`,
      refreshRefusedSince: sql`iif(${param('isRefused')}, coalesce(${connections.refreshRefusedSince}, ${param('now')}), ${connections.refreshRefusedSince})`,
      lastFailureKind: param('kind'),
      lastFailureAt: param('now'),
      timeline: withEvent({ kind: 'refresh_failed', reason: param('kind'), at: param('now') }),
    })
    .where(whereHeld(param)),
);

/** Returns the lease after a failed refresh. The tokens stay. */
export const recordRefreshFailure = (
  db: Db,
  held: HeldLease,
  failure: RefreshFailure,
  now: EpochMs,
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    await RECORD_FAILURE.bind(db, { ...heldValues(held), ...failure, now }).run();
  });

const RETURN_LEASES = prepared((orm, param: Param<RefreshLease & { connectionIds: string; nextRefreshAt: EpochMs }>) =>
  orm
    .update(connections)
    .set({ ...noLease, nextRefreshAt: param('nextRefreshAt'), inDoubtSince: clearDoubt(param) })
    .where(
      and(
        sql`${connections.id} IN (SELECT value FROM json_each(${param('connectionIds')}))`,
        eq(connections.refreshLeaseId, param('id')),
        eq(connections.state, 'active'),
      ),
    ),
);

/** Returns leases under which nothing was sent. */
export const returnLeases = (
  db: Db,
  lease: RefreshLease,
  connectionIds: readonly ConnectionId[],
  nextRefreshAt: EpochMs,
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    await RETURN_LEASES.bind(db, { ...lease, connectionIds: JSON.stringify(connectionIds), nextRefreshAt }).run();
  });

const DROP_LEASE = prepared((orm, param: Param<{ connectionId: ConnectionId; id: string }>) =>
  orm
    .update(connections)
    .set(noLease)
    .where(and(eq(connections.id, param('connectionId')), eq(connections.refreshLeaseId, param('id')))),
);

/** Drops the lease of a holder whose connection was disconnected or reconnected. The holder may write nothing else. */
export const dropLease = (db: Db, connectionId: ConnectionId, { id }: RefreshLease): StoreResult<void> =>
  tryD1(db, async () => {
    await DROP_LEASE.bind(db, { connectionId, id }).run();
  });

type Condemned = {
  connectionId: ConnectionId;
  tokenVersion: number;
  leaseId: string | null;
  reason: string;
  now: EpochMs;
};

const REQUIRE_REAUTH = prepared((orm, param: Param<Condemned>) =>
  orm
    .update(connections)
    .set({
      ...noLease,
      state: 'reauth_required',
      stateReason: param('reason'),
      stateSince: param('now'),
      inDoubtSince: null,
      nextRefreshAt: null,
      syncResumeAt: null,
      timeline: withEvent({ kind: 'reauth_required', reason: param('reason'), at: param('now') }),
    })
    .where(
      and(
        eq(connections.id, param('connectionId')),
        eq(connections.tokenVersion, param('tokenVersion')),
        eq(connections.state, 'active'),
        sql`${connections.refreshLeaseId} IS coalesce(${param('leaseId')}, ${connections.refreshLeaseId})`,
      ),
    )
    .returning({ id: connections.id }),
);

/**
 * Records that the person has to consent again, unless the tokens changed: the write also checks whether another caller
 * rotated them. The sealed tokens stay, in case the rejection was caused by a wrong secret.
 *
 * @param held the rejected version, and the lease under which it was rejected, if any
 * @returns whether it was recorded
 */
export const recordReauthRequired = (
  db: Db,
  { connectionId, tokenVersion, lease }: { connectionId: ConnectionId; tokenVersion: number; lease?: RefreshLease },
  reason: ReauthReason,
  event: NewEvent,
  now: EpochMs,
): StoreResult<boolean> =>
  tryD1Idempotent(db, async () => {
    const held = { connectionId, tokenVersion, leaseId: lease?.id ?? null };
    const results = await db.d1.batch([REQUIRE_REAUTH.bind(db, { ...held, reason, now }), eventStatement(db, event)]);
    noteRecorded(db, results);
    return (results[0]?.results.length ?? 0) > 0;
  });
