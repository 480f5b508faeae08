import { and, eq, isNull, ne, or, type SQL, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/sqlite-core';

import type { EpochMs } from '../../domain/time.ts';
import { tryD1Idempotent, violatedConstraint, type Db, type StoreResult } from '../d1.ts';
import { prepared, type Param } from '../prepared.ts';
import { apps, connections, pendingConnections } from '../schema/connections.ts';
import { nextSeqOf, onReconnect } from '../sync/changes.ts';
import { newTimeline, withEvent } from '../timeline.ts';
import { activationEventStatement, type NewEvent, noteRecorded } from '../webhooks/events.ts';
import { withoutTokens } from './connections.ts';
import { removePendingStatement } from './pending-connections.ts';

/**
 * How a connection becomes active: decided from what was read before, and done only if that still holds. What must not be is made a
 * broken constraint, which takes the whole transaction back: a batch has no other way to end halfway.
 */

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
  /** Recorded if this creates or restores the connection. */
  event: NewEvent;
  /** The hash of the ticket that is spent on it; null straight after a callback. */
  ticketHash: string | null;
};

/**
 * Makes a connection active and current, in one transaction with `alongside`. Renewing one keeps its row, its history and its cursor;
 * replacing one leaves the old row with its history, disconnected.
 *
 * @returns whether it was done; false, and nothing is changed, where what was read no longer holds, so that the caller decides again: the
 *   user's connections are others, the ticket is spent, the app is disabled or gone, or the Withings account is now another user's in an app
 *   that refuses that
 */
export const activateConnection = (
  db: Db,
  activation: Activation,
  now: EpochMs,
  alongside: D1PreparedStatement[],
): StoreResult<boolean> => {
  const { ticketHash } = activation;
  let tried = false;
  return tryD1Idempotent(db, async () => {
    // Applied although D1 said otherwise? A disconnect may have come since: activating again would undo it.
    if (tried && (await isApplied(db, activation))) return true;
    tried = true;
    try {
      const results = await db.d1.batch([
        activationEventStatement(db, { ...activation.event, connectionId: activation.id }),
        RETIRE_OTHERS.bind(db, { ...activation, now }),
        UPSERT_ACTIVE.bind(db, { ...activation, now }),
        ...(ticketHash === null ? [] : [removePendingStatement(db, ticketHash)]),
        ...alongside,
      ]);
      noteRecorded(db, results);
      return true;
    } catch (error) {
      // A live connection that does not give way holds the place of the user's current one, or there is no state: see `stateUnless`.
      const broken = violatedConstraint(error);
      if (broken === 'NOT NULL connections.state' || broken?.startsWith('UNIQUE') === true) return false;
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

type ActivationNow = Omit<Activation, 'event'> & { now: EpochMs };

const RETIRE_OTHERS = prepared((orm, param: Param<ActivationNow>) =>
  orm
    .update(connections)
    .set({ ...withoutTokens(param('now'), 'replaced'), isCurrent: false })
    .where(
      and(
        eq(connections.appId, param('appId')),
        eq(connections.userId, param('userId')),
        eq(connections.isCurrent, true),
        ne(connections.id, param('id')),
        or(sql`${param('mayReplace')}`, eq(connections.state, 'disconnected')),
      ),
    ),
);

/** No state where something speaks against it, and a row cannot be without one. */
const stateUnless = (obstacle: SQL | undefined): SQL<'active'> =>
  sql`CASE WHEN ${obstacle} THEN NULL ELSE 'active' END`;

const others = alias(connections, 'others');

/** Two users may link one account at the same moment: whoever comes second finds the first one's connection here. */
const isTakenByAnother = (param: Param<ActivationNow>): SQL => sql`EXISTS (
  SELECT 1 FROM ${apps} JOIN ${connections} AS others ON ${eq(others.appId, apps.id)}
  WHERE ${and(
    eq(apps.id, param('appId')),
    eq(apps.sharedAccounts, 'refuse'),
    eq(others.withingsUserId, param('withingsUserId')),
    ne(others.userId, param('userId')),
    ne(others.state, 'disconnected'),
  )})`;

/** A disconnect or an erasure since the ticket was read took it along, and stays the last word. */
const isTicketSpent = (param: Param<ActivationNow>): SQL => sql`(${param('ticketHash')} IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM ${pendingConnections} WHERE ${eq(pendingConnections.ticketHash, sql`${param('ticketHash')}`)}))`;

/** An app is disabled before it is deleted, and its users are erased after that: whoever is late must not leave a connection behind. */
const isAppGone = (param: Param<ActivationNow>): SQL =>
  sql`NOT EXISTS (SELECT 1 FROM ${apps} WHERE ${and(eq(apps.id, param('appId')), isNull(apps.disabledAt))})`;

const UPSERT_ACTIVE = prepared((orm, param: Param<ActivationNow>) => {
  const fresh = {
    scope: param('scope'),
    accessTokenSealed: param('accessTokenSealed'),
    refreshTokenSealed: param('refreshTokenSealed'),
    previousRefreshTokenSealed: null,
    accessExpiresAt: param('accessExpiresAt'),
    nextRefreshAt: param('nextRefreshAt'),
    rotationId: param('rotationId'),
    refreshedAt: param('now'),
    refreshRefusedSince: null,
    syncRefusedSince: null,
    syncFailures: 0,
    isCurrent: true,
    state: stateUnless(or(isAppGone(param), isTakenByAnother(param), isTicketSpent(param))),
    stateReason: null,
    stateSince: param('now'),
  };
  return orm
    .insert(connections)
    .values({
      id: param('id'),
      appId: param('appId'),
      userId: param('userId'),
      withingsUserId: param('withingsUserId'),
      ...fresh,
      createdAt: param('now'),
      tokenVersion: 1,
      changeSeq: nextSeqOf(param('appId')),
      timeline: newTimeline('connected', param('now')),
    })
    .onConflictDoUpdate({
      target: [connections.appId, connections.userId, connections.withingsUserId],
      set: {
        ...fresh,
        // The tokens are sealed to the id: under another one they would not open.
        state: stateUnless(ne(connections.id, param('id'))),
        tokenVersion: sql`${connections.tokenVersion} + 1`,
        inDoubtSince: null,
        refreshFailures: 0,
        lastFailureKind: null,
        lastFailureAt: null,
        ...onReconnect,
        timeline: withEvent({ kind: 'reconnected', at: param('now') }),
      },
    });
});
