import { and, eq, isNull, ne, or, type SQL, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/sqlite-core';

import type { AppId } from '../../domain/app-id.ts';
import type { HistoryOnConnect } from '../../domain/app.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import { startOfHistory } from '../../domain/history.ts';
import { type EpochMs, MINUTE_MS } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { tryD1Idempotent, violatedConstraint, type Db, type StoreResult } from '../d1.ts';
import { type Param, preparedAtStart } from '../prepared.ts';
import { apps, connections } from '../schema/connections.ts';
import { pendingConnections } from '../schema/links.ts';
import { nextSeqOf, onReconnect } from '../sync/changes.ts';
import { newTimeline, withEvent } from '../users/timeline.ts';
import { activationEventStatement, type NewEvent, rememberEventsToSend } from '../webhooks/events.ts';
import { withoutTokens } from './connections.ts';
import { removePendingStatement } from './pending-connections.ts';

/**
 * Makes a connection active, by a decision on what was read before, and only if that still holds. A D1 batch cannot
 * branch. A violated precondition is turned into a NOT NULL or UNIQUE violation, which rolls the batch back.
 */

/** The connection to write: the user's current one, with new tokens. */
export type Activation = {
  id: ConnectionId;
  appId: AppId;
  userId: UserId;
  withingsUserId: string;
  /** Whether the link was to Withings' demo account. */
  isDemo: boolean;
  scope: string;
  accessTokenSealed: string;
  refreshTokenSealed: string;
  accessExpiresAt: EpochMs;
  nextRefreshAt: EpochMs;
  /** Idempotency key: a retry uses it to see that its own write was committed. */
  rotationId: string;
  /**
   * Whether a live connection of the user to another Withings account is replaced; one to the demo account always is.
   */
  mayReplace: boolean;
  /** How much of the history is read without a request. */
  historyOnConnect: HistoryOnConnect;
  /** Recorded if this creates or restores the connection. */
  event: NewEvent;
  /** The hash of the ticket that it uses up; null directly after a callback. */
  ticketHash: string | null;
};

/** When the cron reads the history of a new connection, unless the invocation that made it has. */
const FIRST_PULL_AFTER_MS = MINUTE_MS;

/**
 * Makes a connection active and current, in one transaction with `alongside`. Renewing keeps the row, its history and
 * its cursor. Replacing leaves the old row with its history, disconnected.
 *
 * @returns false, without any change, if what was read no longer holds, so that the caller decides again. The user's
 *   connections differ, the ticket is used, or the app is disabled or gone. Or the Withings account now belongs to
 *   another user of an app that refuses that
 */
export const activateConnection = (
  db: Db,
  activation: Activation,
  now: EpochMs,
  alongside: D1PreparedStatement[],
): StoreResult<boolean> => {
  const { ticketHash, historyOnConnect, ...rest } = activation;
  const values = { ...rest, ticketHash, ...firstPullOf(historyOnConnect, now), now };
  let tried = false;
  return tryD1Idempotent(db, async () => {
    // D1 may have applied the first write and reported an error. A disconnect may have come since, and activating again
    // would undo it.
    if (tried && (await isApplied(db, activation))) return true;
    tried = true;
    try {
      const results = await db.d1.batch([
        activationEventStatement(db, { ...activation.event, connectionId: activation.id }),
        RETIRE_OTHERS.bind(db, values),
        UPSERT_ACTIVE.bind(db, values),
        ...(ticketHash === null ? [] : [removePendingStatement(db, ticketHash)]),
        ...alongside,
      ]);
      rememberEventsToSend(db, results);
      return true;
    } catch (error) {
      // A live connection that is not replaced stays the user's current one. `stateUnless` then gives NULL.
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

type ActivationNow = Omit<Activation, 'event' | 'historyOnConnect'> & FirstPull & { now: EpochMs };

/**
 * When the cron reads the history; null if nothing does. And where a history stands that is not to be read to its
 * beginning without a request. A reconnect reads what is new since, and how much of the past is read stays as it was.
 */
type FirstPull = { pullAt: EpochMs | null; history: string | null };

const firstPullOf = (reach: HistoryOnConnect, now: EpochMs): FirstPull => ({
  pullAt: reach === 'none' ? null : now + FIRST_PULL_AFTER_MS,
  history: reach === 'all' ? null : JSON.stringify({ ...startOfHistory(now), reach }),
});

const RETIRE_OTHERS = preparedAtStart((orm, param: Param<ActivationNow>) =>
  orm
    .update(connections)
    .set({ ...withoutTokens(param('now'), 'replaced'), isCurrent: false })
    .where(
      and(
        eq(connections.appId, param('appId')),
        eq(connections.userId, param('userId')),
        eq(connections.isCurrent, true),
        ne(connections.id, param('id')),
        or(sql`${param('mayReplace')}`, eq(connections.state, 'disconnected'), eq(connections.isDemo, true)),
      ),
    ),
);

/** NULL if a precondition fails, which the NOT NULL column refuses. */
const stateUnless = (obstacle: SQL | undefined): SQL<'active'> =>
  sql`CASE WHEN ${obstacle} THEN NULL ELSE 'active' END`;

const others = alias(connections, 'others');

/** If two users link one account at the same time, the second one finds the first one's connection here. */
const isTakenByAnother = (param: Param<ActivationNow>): SQL => sql`(NOT ${param('isDemo')} AND EXISTS (
  SELECT 1 FROM ${apps} JOIN ${connections} AS others ON ${eq(others.appId, apps.id)}
  WHERE ${and(
    eq(apps.id, param('appId')),
    eq(apps.sharedAccounts, 'refuse'),
    eq(others.withingsUserId, param('withingsUserId')),
    ne(others.userId, param('userId')),
    ne(others.state, 'disconnected'),
    eq(others.isDemo, false),
  )}))`;

/** A disconnect or an erasure since the ticket was read has deleted it. */
const isTicketSpent = (param: Param<ActivationNow>): SQL => sql`(${param('ticketHash')} IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM ${pendingConnections} WHERE ${eq(pendingConnections.ticketHash, sql`${param('ticketHash')}`)}))`;

/**
 * An app is disabled before its users are erased and it is deleted. A late activation must not leave a connection
 * behind.
 */
const isAppGone = (param: Param<ActivationNow>): SQL =>
  sql`NOT EXISTS (SELECT 1 FROM ${apps} WHERE ${and(eq(apps.id, param('appId')), isNull(apps.disabledAt))})`;

/** What every activation sets, also of a connection that there was. */
const freshColumns = (param: Param<ActivationNow>) => ({
  isDemo: param('isDemo'),
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
});

const UPSERT_ACTIVE = preparedAtStart((orm, param: Param<ActivationNow>) => {
  const fresh = freshColumns(param);
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
      syncResumeAt: param('pullAt'),
      syncHistory: param('history'),
      changeSeq: nextSeqOf(param('appId')),
      timeline: newTimeline('connected', param('now')),
    })
    .onConflictDoUpdate({
      target: [connections.appId, connections.userId, connections.withingsUserId],
      set: {
        ...fresh,
        // The tokens are sealed to this id and do not open under another.
        state: stateUnless(ne(connections.id, param('id'))),
        tokenVersion: sql`${connections.tokenVersion} + 1`,
        inDoubtSince: null,
        refreshFailures: 0,
        syncResumeAt: sql`coalesce(${param('pullAt')}, ${connections.syncResumeAt})`,
        lastFailureKind: null,
        lastFailureAt: null,
        ...onReconnect,
        timeline: withEvent({ kind: 'reconnected', at: param('now') }),
      },
    });
});
