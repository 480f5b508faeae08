import { and, eq, ne, or, sql, type SQL } from 'drizzle-orm';

import { type ConnectionDetail, type ConnectionState, isLive } from '../domain/connection.ts';
import type { ReauthReason } from '../domain/failure.ts';
import type { OthersOnAccount } from '../domain/link.ts';
import type { EpochMs } from '../domain/time.ts';
import { nextSeqOf, withReturn } from './changes.ts';
import { compiled, type Given } from './compiled.ts';
import { attempt, attemptIdempotent, type Db, isUniqueViolation, statement, type Stored } from './d1.ts';
import { apps, connections, pendingConnections } from './schema.ts';
import { newTimeline, withEvent } from './timeline.ts';

/** A connection of a user, as far as linking has to know it. */
export type KnownConnection = {
  id: number;
  withingsUserId: string;
  state: ConnectionState;
  isCurrent: boolean;
};

/** What linking has to know: the user's current connection and the one to this Withings account, at most two, and who else has it. */
export type LinkingView = { known: KnownConnection[]; othersOnAccount: OthersOnAccount };

type LinkingPair = { appId: string; userId: string; withingsUserId: string };

const KNOWN_CONNECTIONS = compiled((orm, given: Given<LinkingPair>) =>
  orm
    .select({
      id: connections.id,
      withingsUserId: connections.withingsUserId,
      state: connections.state,
      isCurrent: connections.isCurrent,
    })
    .from(connections)
    .where(
      and(
        eq(connections.appId, given('appId')),
        eq(connections.userId, given('userId')),
        or(eq(connections.isCurrent, true), eq(connections.withingsUserId, given('withingsUserId'))),
      ),
    ),
);

const OTHERS_ON_ACCOUNT = compiled((orm, given: Given<LinkingPair>) =>
  orm
    .select({ policy: apps.sharedAccounts })
    .from(apps)
    .innerJoin(connections, eq(connections.appId, apps.id))
    .where(
      and(
        eq(apps.id, given('appId')),
        eq(connections.withingsUserId, given('withingsUserId')),
        ne(connections.userId, given('userId')),
        ne(connections.state, 'disconnected'),
      ),
    )
    .limit(1),
);

/**
 * Reads what linking a user to a Withings account has to know, in one round trip.
 *
 * The race that remains: two users of an app who link one account at the same moment are both let in where the app refuses that; each
 * connection then says so.
 */
export const connectionsForLinking = (db: Db, { appId, userId, withingsUserId }: LinkingPair): Stored<LinkingView> =>
  attempt(db, async () => {
    const pair = { appId, userId, withingsUserId };
    const [known, sharing] = await db.d1.batch([KNOWN_CONNECTIONS.bind(db, pair), OTHERS_ON_ACCOUNT.bind(db, pair)]);
    const [others] = OTHERS_ON_ACCOUNT.rowsOf(sharing);
    const othersOnAccount = others === undefined ? 'none' : others.policy === 'refuse' ? 'refused' : 'allowed';
    return { known: KNOWN_CONNECTIONS.rowsOf(known), othersOnAccount };
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
        RETIRE_OTHERS.bind(db, { ...activation, now }),
        UPSERT_ACTIVE.bind(db, { ...activation, now }),
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

type ActivationNow = Activation & { now: EpochMs };

const RETIRE_OTHERS = compiled((orm, given: Given<ActivationNow>) =>
  orm
    .update(connections)
    .set({ ...withoutTokens(given('now'), 'replaced'), isCurrent: false })
    .where(
      and(
        eq(connections.appId, given('appId')),
        eq(connections.userId, given('userId')),
        eq(connections.isCurrent, true),
        ne(connections.id, given('id')),
        or(sql`${given('mayReplace')}`, eq(connections.state, 'disconnected')),
      ),
    ),
);

const UPSERT_ACTIVE = compiled((orm, given: Given<ActivationNow>) => {
  const fresh = {
    scope: given('scope'),
    accessTokenSealed: given('accessTokenSealed'),
    refreshTokenSealed: given('refreshTokenSealed'),
    previousRefreshTokenSealed: null,
    accessExpiresAt: given('accessExpiresAt'),
    nextRefreshAt: given('nextRefreshAt'),
    rotationId: given('rotationId'),
    refreshedAt: given('now'),
    isCurrent: true,
    state: 'active' as const,
    stateReason: null,
    stateSince: given('now'),
  };
  return orm
    .insert(connections)
    .values({
      id: given('id'),
      appId: given('appId'),
      userId: given('userId'),
      withingsUserId: given('withingsUserId'),
      ...fresh,
      createdAt: given('now'),
      tokenVersion: 1,
      changeSeq: nextSeqOf(given('appId')),
      timeline: newTimeline('connected', given('now')),
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
        timeline: withEvent({ kind: 'reconnected', at: given('now') }),
      },
      // The tokens are sealed to the id: under another one they would not open.
      setWhere: eq(connections.id, given('id')),
    })
    .returning({ id: connections.id });
});

const withoutTokens = (now: SQL<EpochMs>, reason?: string) => ({
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

const FORGET_TOKENS = compiled((orm, given: Given<{ appId: string; userId: string; now: EpochMs }>) =>
  orm
    .update(connections)
    .set(withoutTokens(given('now')))
    .where(
      and(
        eq(connections.appId, given('appId')),
        eq(connections.userId, given('userId')),
        eq(connections.isCurrent, true),
        ne(connections.state, 'disconnected'),
      ),
    ),
);

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
    const pending = and(eq(pendingConnections.appId, appId), eq(pendingConnections.userId, userId));
    await db.d1.batch([
      FORGET_TOKENS.bind(db, { appId, userId, now }),
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
