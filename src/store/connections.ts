import { and, eq, ne, or, sql } from 'drizzle-orm';

import { type ConnectionDetail, type ConnectionState, isLive } from '../domain/connection.ts';
import type { ReauthReason } from '../domain/failure.ts';
import type { OthersOnAccount } from '../domain/link.ts';
import type { EpochMs } from '../domain/time.ts';
import { nextSeqOf, withReturn } from './changes.ts';
import { attempt, attemptIdempotent, type Db, isUniqueViolation, statement, type Stored } from './d1.ts';
import { apps, connections, pendingConnections } from './schema.ts';
import { withEvent } from './timeline.ts';

/** A connection of a user, as far as linking has to know it. */
export type KnownConnection = {
  id: number;
  withingsUserId: string;
  state: ConnectionState;
  isCurrent: boolean;
};

/** What linking has to know: the user's current connection and the one to this Withings account, at most two, and who else has it. */
export type LinkingView = { known: KnownConnection[]; othersOnAccount: OthersOnAccount };

/**
 * Reads what linking a user to a Withings account has to know, in one round trip.
 *
 * The race that remains: two users of an app who link one account at the same moment are both let in where the app refuses that; each
 * connection then says so.
 */
export const connectionsForLinking = (
  db: Db,
  { appId, userId, withingsUserId }: { appId: string; userId: string; withingsUserId: string },
): Stored<LinkingView> =>
  attempt(db, async () => {
    const [known, [others]] = await db.orm.batch([
      db.orm
        .select({
          id: connections.id,
          withingsUserId: connections.withingsUserId,
          state: connections.state,
          isCurrent: connections.isCurrent,
        })
        .from(connections)
        .where(
          and(
            eq(connections.appId, appId),
            eq(connections.userId, userId),
            or(eq(connections.isCurrent, true), eq(connections.withingsUserId, withingsUserId)),
          ),
        ),
      db.orm
        .select({ policy: apps.sharedAccounts })
        .from(apps)
        .innerJoin(connections, eq(connections.appId, apps.id))
        .where(
          and(
            eq(apps.id, appId),
            eq(connections.withingsUserId, withingsUserId),
            ne(connections.userId, userId),
            ne(connections.state, 'disconnected'),
          ),
        )
        .limit(1),
    ]);
    const othersOnAccount = others === undefined ? 'none' : others.policy === 'refuse' ? 'refused' : 'allowed';
    return { known, othersOnAccount };
  });

/** A connection as it is to become: the user's current one, with fresh tokens. */
export type Activation = {
  id: number;
  appId: string;
  userId: string;
  withingsUserId: string;
  scope: string;
  accessTokenSealed: string;
  refreshTokenSealed: string;
  accessExpiresAt: EpochMs;
  nextRefreshAt: EpochMs;
  /** Names this activation: who lost the answer to its write finds itself here, and does not undo what came after. */
  rotationId: string;
  /** Whether a live connection of the user to another Withings account gives way. */
  mayReplace: boolean;
};

/**
 * Makes a connection active and current, in one transaction with `alongside`. Renewing one keeps its row, its history and its cursor;
 * replacing one leaves the old row with its history, disconnected.
 *
 * @returns whether it was done; false where the user's connections changed since they were read, so that the caller decides again
 */
export const activateConnection = (
  db: Db,
  activation: Activation,
  now: EpochMs,
  alongside: D1PreparedStatement[],
): Stored<boolean> => {
  let tried = false;
  return attemptIdempotent(db, async () => {
    // Applied although D1 said otherwise? A disconnect may have come since: activating again would undo it.
    if (tried && (await isApplied(db, activation))) return true;
    tried = true;
    try {
      const [, written] = await db.d1.batch([
        retireOthers(db, activation, now),
        upsertActive(db, activation, now),
        ...alongside,
      ]);
      return (written?.results.length ?? 0) > 0;
    } catch (error) {
      // Another live connection of the user holds the place that `connections_current` guards: nothing of the batch was applied.
      if (isUniqueViolation(error)) return false;
      throw error;
    }
  });
};

const isApplied = async (db: Db, { id, rotationId }: Activation): Promise<boolean> => {
  const row = await db.orm
    .select({ rotationId: connections.rotationId })
    .from(connections)
    .where(eq(connections.id, id))
    .get();
  return row?.rotationId === rotationId;
};

const retireOthers = (db: Db, { id, appId, userId, mayReplace }: Activation, now: EpochMs): D1PreparedStatement =>
  statement(
    db,
    db.orm
      .update(connections)
      .set({ ...withoutTokens(now, 'replaced'), isCurrent: false })
      .where(
        and(
          eq(connections.appId, appId),
          eq(connections.userId, userId),
          eq(connections.isCurrent, true),
          ne(connections.id, id),
          ...(mayReplace ? [] : [eq(connections.state, 'disconnected')]),
        ),
      ),
  );

const upsertActive = (db: Db, activation: Activation, now: EpochMs): D1PreparedStatement => {
  const fresh = {
    scope: activation.scope,
    accessTokenSealed: activation.accessTokenSealed,
    refreshTokenSealed: activation.refreshTokenSealed,
    previousRefreshTokenSealed: null,
    accessExpiresAt: activation.accessExpiresAt,
    nextRefreshAt: activation.nextRefreshAt,
    rotationId: activation.rotationId,
    refreshedAt: now,
    isCurrent: true,
    state: 'active' as const,
    stateReason: null,
    stateSince: now,
  };
  return statement(
    db,
    db.orm
      .insert(connections)
      .values({
        id: activation.id,
        appId: activation.appId,
        userId: activation.userId,
        withingsUserId: activation.withingsUserId,
        ...fresh,
        createdAt: now,
        tokenVersion: 1,
        changeSeq: nextSeqOf(activation.appId),
        timeline: JSON.stringify([{ kind: 'connected', at: now }]),
      })
      .onConflictDoUpdate({
        target: [connections.appId, connections.userId, connections.withingsUserId],
        set: {
          ...fresh,
          tokenVersion: sql`${connections.tokenVersion} + 1`,
          inDoubtSince: null,
          refreshFailures: 0,
          lastFailureKind: null,
          lastFailureAt: null,
          ...withReturn,
          timeline: withEvent({ kind: 'reconnected', at: now }),
        },
        // The tokens are sealed to the id: under another one they would not open.
        setWhere: eq(connections.id, activation.id),
      })
      .returning({ id: connections.id }),
  );
};

const withoutTokens = (now: EpochMs, reason?: string) => ({
  state: 'disconnected' as const,
  stateReason: null,
  stateSince: now,
  accessTokenSealed: null,
  refreshTokenSealed: null,
  previousRefreshTokenSealed: null,
  tokenVersion: sql`${connections.tokenVersion} + 1`,
  inDoubtSince: null,
  nextRefreshAt: null,
  syncLeaseId: null,
  syncLeaseUntil: null,
  syncResumeAt: null,
  timeline: withEvent({ kind: 'disconnected', at: now, ...(reason !== undefined && { reason }) }),
});

/**
 * Forgets a user's tokens, pending ones included, and notes it. The version rises, so a refresh or a sync under way writes nothing back.
 * Measurements stay. Doing it again changes nothing.
 */
export const disconnectUser = (
  db: Db,
  { appId, userId }: { appId: string; userId: string },
  now: EpochMs,
  audit: D1PreparedStatement,
): Stored<void> =>
  attemptIdempotent(db, async () => {
    const current = and(
      eq(connections.appId, appId),
      eq(connections.userId, userId),
      eq(connections.isCurrent, true),
      ne(connections.state, 'disconnected'),
    );
    const pending = and(eq(pendingConnections.appId, appId), eq(pendingConnections.userId, userId));
    await db.d1.batch([
      statement(db, db.orm.update(connections).set(withoutTokens(now)).where(current)),
      audit,
      statement(db, db.orm.delete(pendingConnections).where(pending)),
      audit,
    ]);
  });

/** A user's current connection in full; undefined where there never was one. */
export const connectionDetail = (db: Db, appId: string, userId: string): Stored<ConnectionDetail | undefined> =>
  attempt(db, async () => {
    const row = await db.orm
      .select({
        userId: connections.userId,
        state: connections.state,
        stateReason: connections.stateReason,
        stateSince: connections.stateSince,
        withingsUserId: connections.withingsUserId,
        scope: connections.scope,
        createdAt: connections.createdAt,
        lastSyncAt: connections.lastSyncAt,
        nextRefreshAt: connections.nextRefreshAt,
        lastFailureKind: connections.lastFailureKind,
        lastFailureAt: connections.lastFailureAt,
        isShared: sql<number>`EXISTS (SELECT 1 FROM connections AS other WHERE other.app_id = connections.app_id
          AND other.withings_user_id = connections.withings_user_id AND other.user_id <> connections.user_id
          AND other.state <> 'disconnected')`,
        timeline: connections.timeline,
      })
      .from(connections)
      .where(and(eq(connections.appId, appId), eq(connections.userId, userId), eq(connections.isCurrent, true)))
      .get();
    if (row === undefined) return undefined;
    const { lastFailureKind, lastFailureAt, ...rest } = row;
    return {
      ...rest,
      isShared: row.isShared === 1 && isLive(row.state),
      stateReason: (row.stateReason ?? undefined) as ReauthReason | undefined,
      scope: row.scope.split(',').filter((scope) => scope !== ''),
      lastSyncAt: row.lastSyncAt ?? undefined,
      nextRefreshAt: row.nextRefreshAt ?? undefined,
      lastFailure:
        lastFailureKind === null || lastFailureAt === null ? undefined : { kind: lastFailureKind, at: lastFailureAt },
      timeline: JSON.parse(row.timeline),
    };
  });
