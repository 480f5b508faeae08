import { and, desc, eq, getTableColumns, gt, isNull, ne, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/sqlite-core';

import type { AppId } from '../../domain/app-id.ts';
import type { App } from '../../domain/app.ts';
import type { ShownPending } from '../../domain/connection.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { tryD1, violatedConstraint, type Db, statement, type StoreResult } from '../d1.ts';
import { apps, connections } from '../schema/connections.ts';
import { pendingConnections } from '../schema/links.ts';

const others = alias(connections, 'others');

/** A connection that is linked at Withings and waits for the backend's confirmation. */
export type PendingConnection = typeof pendingConnections.$inferSelect;

/** With what its app wants to be read when it is confirmed. */
export type FoundPending = PendingConnection & Pick<App, 'historyOnConnect'>;

/**
 * Stores a pending connection, in one transaction with `alongside`. It replaces no other: otherwise a person who opens
 * links could remove the one that a user is about to confirm. The links' share of Withings' requests and the waiting
 * time limit their number.
 *
 * @returns false, without any change, if the app is disabled or gone, or if it refuses a Withings account that another
 *   of its users has
 */
export const addPendingConnection = (
  db: Db,
  pending: PendingConnection,
  alongside: D1PreparedStatement[],
): StoreResult<boolean> =>
  tryD1(db, async () => {
    // NULL if there is no such app, which the NOT NULL column refuses, as in `activation.ts`.
    const taken = and(
      eq(apps.sharedAccounts, 'refuse'),
      eq(others.withingsUserId, pending.withingsUserId),
      ne(others.userId, pending.userId),
      ne(others.state, 'disconnected'),
      eq(others.isDemo, false),
    );
    const isTaken = sql`NOT ${Number(pending.isDemo)} AND EXISTS (SELECT 1 FROM ${connections} AS others WHERE ${eq(others.appId, apps.id)} AND ${taken})`;
    const appId = sql<string>`(SELECT id FROM ${apps}
      WHERE ${and(eq(apps.id, pending.appId), isNull(apps.disabledAt))} AND NOT (${isTaken}))`;
    const added = statement(db, db.orm.insert(pendingConnections).values({ ...pending, appId }));
    try {
      await db.d1.batch([added, ...alongside]);
      return true;
    } catch (error) {
      if (violatedConstraint(error) === 'NOT NULL pending_connections.app_id') return false;
      throw error;
    }
  });

const isPendingIn = (appId: AppId, now: EpochMs) =>
  and(eq(pendingConnections.appId, appId), gt(pendingConnections.expiresAt, now));

/** The unexpired pending connection with this ticket in this app, or undefined. */
export const pendingByTicket = (
  db: Db,
  appId: AppId,
  ticketHash: string,
  now: EpochMs,
): StoreResult<FoundPending | undefined> =>
  tryD1(db, async () =>
    db.orm
      .select({ ...getTableColumns(pendingConnections), historyOnConnect: apps.historyOnConnect })
      .from(pendingConnections)
      .innerJoin(apps, eq(apps.id, pendingConnections.appId))
      .where(and(eq(pendingConnections.ticketHash, ticketHash), isPendingIn(appId, now)))
      .get(),
  );

/** A user's newest unexpired pending connection, or undefined. */
export const shownPending = (
  db: Db,
  appId: AppId,
  userId: UserId,
  now: EpochMs,
): StoreResult<ShownPending | undefined> =>
  tryD1(db, async () =>
    db.orm
      .select({ since: pendingConnections.createdAt, isDemo: pendingConnections.isDemo })
      .from(pendingConnections)
      .where(and(eq(pendingConnections.userId, userId), isPendingIn(appId, now)))
      .orderBy(desc(pendingConnections.createdAt))
      .get(),
  );

/** The statement that uses up a ticket, for the activation's transaction. */
export const removePendingStatement = (db: Db, ticketHash: string): D1PreparedStatement =>
  statement(db, db.orm.delete(pendingConnections).where(eq(pendingConnections.ticketHash, ticketHash)));
