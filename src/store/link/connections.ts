import { and, eq, isNotNull, ne, or, sql, type SQL } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { LinkedConnection, OthersOnAccount } from '../../domain/link.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { tryD1, tryD1Idempotent, type Db, statement, type StoreResult } from '../d1.ts';
import { type Param, prepared, preparedAtStart } from '../prepared.ts';
import { apps, connections } from '../schema/connections.ts';
import { pendingConnections } from '../schema/links.ts';
import type { ParkingPlace } from '../tokens/parked.ts';
import { withEvent } from '../users/timeline.ts';
import { disconnectEventStatement, type NewEvent, rememberEventsToSend } from '../webhooks/events.ts';

/**
 * Input to `decideLink`: the user's current connection and the one to this Withings account, and whether other users
 * have it.
 */
export type LinkingView = { known: LinkedConnection[]; othersOnAccount: OthersOnAccount };

type LinkingPair = { appId: AppId; userId: UserId; withingsUserId: string; isDemo: boolean };

const knownColumns = {
  id: connections.id,
  withingsUserId: connections.withingsUserId,
  state: connections.state,
  isCurrent: connections.isCurrent,
  isDemo: connections.isDemo,
};

const KNOWN_CONNECTIONS = preparedAtStart((orm, param: Param<LinkingPair>) =>
  orm
    .select(knownColumns)
    .from(connections)
    .where(
      and(
        eq(connections.appId, param('appId')),
        eq(connections.userId, param('userId')),
        or(eq(connections.isCurrent, true), eq(connections.withingsUserId, param('withingsUserId'))),
      ),
    ),
);

const OTHERS_ON_ACCOUNT = preparedAtStart((orm, param: Param<LinkingPair>) =>
  orm
    .select({ policy: apps.sharedAccounts })
    .from(apps)
    .innerJoin(connections, eq(connections.appId, apps.id))
    .where(
      and(
        eq(apps.id, param('appId')),
        eq(connections.withingsUserId, param('withingsUserId')),
        ne(connections.userId, param('userId')),
        ne(connections.state, 'disconnected'),
        sql`NOT ${param('isDemo')}`,
        eq(connections.isDemo, false),
      ),
    )
    .limit(1),
);

type User = Pick<LinkingPair, 'appId' | 'userId'>;

const isCurrentOf = (param: Param<User>) =>
  and(eq(connections.appId, param('appId')), eq(connections.userId, param('userId')), eq(connections.isCurrent, true));

const CURRENT_CONNECTION = prepared((orm, param: Param<User>) =>
  orm.select(knownColumns).from(connections).where(isCurrentOf(param)),
);

/**
 * A user's current connection, if there is one: the part of a `LinkingView` that can be read before the account is
 * known.
 */
export const currentConnection = (db: Db, { appId, userId }: User): StoreResult<LinkedConnection[]> =>
  tryD1(db, () => CURRENT_CONNECTION.rows(db, { appId, userId }));

/** Reads the input to `decideLink`, in one round trip. It may change afterwards: the activation checks it again. */
export const connectionsForLinking = (
  db: Db,
  { appId, userId, withingsUserId, isDemo }: LinkingPair,
): StoreResult<LinkingView> =>
  tryD1(db, async () => {
    const pair = { appId, userId, withingsUserId, isDemo };
    const [known, sharing] = await db.d1.batch([KNOWN_CONNECTIONS.bind(db, pair), OTHERS_ON_ACCOUNT.bind(db, pair)]);
    return {
      known: KNOWN_CONNECTIONS.rowsOf(known),
      othersOnAccount: sharingOf(OTHERS_ON_ACCOUNT.rowsOf(sharing)[0]),
    };
  });

/** Whether other users of the app are connected to a Withings account. */
export const othersOnAccount = (db: Db, pair: LinkingPair): StoreResult<OthersOnAccount> =>
  tryD1(db, async () => sharingOf(await OTHERS_ON_ACCOUNT.first(db, pair)));

const sharingOf = (other: { policy: string } | undefined): OthersOnAccount => {
  if (other === undefined) return 'none';
  return other.policy === 'refuse' ? 'refused' : 'allowed';
};

/** The columns of a disconnected connection: no tokens, its history stays. */
export const withoutTokens = (now: SQL<EpochMs>, reason?: string) => ({
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

const FORGET_TOKENS = prepared((orm, param: Param<User & { now: EpochMs }>) =>
  orm
    .update(connections)
    .set(withoutTokens(param('now')))
    .where(and(isCurrentOf(param), ne(connections.state, 'disconnected'))),
);

const IN_DOUBT = prepared((orm, param: Param<User>) =>
  orm
    .select({ connectionId: connections.id, tokenVersion: connections.tokenVersion })
    .from(connections)
    .where(and(isCurrentOf(param), isNotNull(connections.inDoubtSince))),
);

/**
 * Deletes a user's tokens, pending ones included, with an audit entry. The version rises, so a running refresh or sync
 * writes nothing back. Measurements stay. Repeating it changes nothing.
 *
 * @returns where a new pair may be parked, because a refresh was in doubt
 */
export const disconnectUser = (
  db: Db,
  { appId, userId }: User,
  now: EpochMs,
  { audit, event }: { audit: D1PreparedStatement; event: NewEvent },
  alongside: readonly D1PreparedStatement[] = [],
): StoreResult<ParkingPlace[]> =>
  tryD1Idempotent(db, async () => {
    const pending = and(eq(pendingConnections.appId, appId), eq(pendingConnections.userId, userId));
    const [inDoubt, ...results] = await db.d1.batch([
      IN_DOUBT.bind(db, { appId, userId }),
      FORGET_TOKENS.bind(db, { appId, userId, now }),
      audit,
      disconnectEventStatement(db, { ...event, userId }),
      statement(db, db.orm.delete(pendingConnections).where(pending)),
      audit,
      ...alongside,
    ]);
    rememberEventsToSend(db, results);
    return IN_DOUBT.rowsOf(inDoubt);
  });
