import { and, eq, type SQL, sql } from 'drizzle-orm';

import type { ConnectionId } from '../../domain/connection-id.ts';
import type { ReauthReason } from '../../domain/failure.ts';
import type { EpochMs } from '../../domain/time.ts';
import { type Db, type StoreResult, tryD1Idempotent } from '../d1.ts';
import { type Param, prepared } from '../prepared.ts';
import { connections } from '../schema/connections.ts';
import { withRefreshCounted } from '../users/activity.ts';
import { withEvent } from '../users/timeline.ts';
import { eventStatement, type NewEvent, rememberEventsToSend } from '../webhooks/events.ts';
import { clearDoubt, noLease, type RefreshLease } from './refresh-lease.ts';

/** The writes that end a refresh. Each checks the lease and the version. */

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
  /** When the cron polls it, if it has no time yet; undefined if that stays, which costs no row of the index. */
  pollAt: EpochMs | undefined;
};

type RotationValues = HeldValues & Omit<Rotation, 'pollAt'> & { now: EpochMs };

const recordRotationWith = (more: (param: Param<{ pollAt: EpochMs }>) => { nextReviewAt?: SQL<EpochMs> }) =>
  prepared((orm, param: Param<RotationValues & { pollAt: EpochMs }>) =>
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
        activity: withRefreshCounted(param('now')),
        ...more(param),
      })
      .where(whereHeld(param))
      .returning({ id: connections.id }),
  );
const RECORD_ROTATION = recordRotationWith(() => ({}));
const RECORD_ROTATION_AND_POLL = recordRotationWith((param) => ({
  nextReviewAt: sql<EpochMs>`coalesce(${connections.nextReviewAt}, ${param('pollAt')})`,
}));

/** The statement that stores a new pair and releases the lease, if lease and version still match. It is idempotent. */
export const rotationStatement = (
  db: Db,
  held: HeldLease,
  { pollAt, ...pair }: Rotation,
  now: EpochMs,
): D1PreparedStatement => {
  const values = { ...heldValues(held), ...pair, now };
  return pollAt === undefined
    ? RECORD_ROTATION.bind(db, { ...values, pollAt: 0 })
    : RECORD_ROTATION_AND_POLL.bind(db, { ...values, pollAt });
};

/**
 * Whether the pair was stored now. False if a disconnect, a reconnect or another holder came first, or if an earlier
 * attempt of this write was applied and its answer lost. The caller reads the row.
 */
export const isRotated = (result: D1Result | undefined): boolean => (result?.results.length ?? 0) > 0;

/** Stores a new pair in a separate round trip; see `isRotated`. */
export const recordRotation = (db: Db, held: HeldLease, pair: Rotation, now: EpochMs): StoreResult<boolean> =>
  tryD1Idempotent(db, async () => isRotated(await rotationStatement(db, held, pair, now).all()));

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
    rememberEventsToSend(db, results);
    return (results[0]?.results.length ?? 0) > 0;
  });
