import { and, desc, eq, gt, isNull, sql } from 'drizzle-orm';

import type { EpochMs } from '../../domain/time.ts';
import { tryD1, violatedConstraint, type Db, statement, type StoreResult } from '../d1.ts';
import { apps, pendingConnections } from '../schema/connections.ts';

/** Linked at Withings, waiting for the app's backend to say that the right person did it. */
export type PendingConnection = typeof pendingConnections.$inferSelect;

/**
 * Stores a pending connection, in one transaction with `alongside`. No other gives way to it: who can open links could push out the one that
 * a person is about to confirm. How many there can be follows from the links' share of Withings' requests and how long each waits.
 *
 * @returns whether it was done; false, and nothing is changed, where the app is disabled or gone
 */
export const addPendingConnection = (
  db: Db,
  pending: PendingConnection,
  alongside: D1PreparedStatement[],
): StoreResult<boolean> =>
  tryD1(db, async () => {
    // No app id where there is no such app, and a row cannot be without one: as in `activation.ts`.
    const appId = sql<string>`(SELECT id FROM ${apps} WHERE ${and(eq(apps.id, pending.appId), isNull(apps.disabledAt))})`;
    const added = statement(db, db.orm.insert(pendingConnections).values({ ...pending, appId }));
    try {
      await db.d1.batch([added, ...alongside]);
      return true;
    } catch (error) {
      if (violatedConstraint(error) === 'NOT NULL pending_connections.app_id') return false;
      throw error;
    }
  });

/** The unexpired pending connection with this ticket; undefined where there is none in this app. */
export const pendingByTicket = (
  db: Db,
  appId: string,
  ticketHash: string,
  now: EpochMs,
): StoreResult<PendingConnection | undefined> =>
  tryD1(db, async () =>
    db.orm
      .select()
      .from(pendingConnections)
      .where(
        and(
          eq(pendingConnections.ticketHash, ticketHash),
          eq(pendingConnections.appId, appId),
          gt(pendingConnections.expiresAt, now),
        ),
      )
      .get(),
  );

/** When a user's newest unexpired pending connection was made; undefined where none waits. */
export const pendingSince = (db: Db, appId: string, userId: string, now: EpochMs): StoreResult<EpochMs | undefined> =>
  tryD1(db, async () => {
    const row = await db.orm
      .select({ createdAt: pendingConnections.createdAt })
      .from(pendingConnections)
      .where(
        and(
          eq(pendingConnections.appId, appId),
          eq(pendingConnections.userId, userId),
          gt(pendingConnections.expiresAt, now),
        ),
      )
      .orderBy(desc(pendingConnections.createdAt))
      .get();
    return row?.createdAt;
  });

/** The statement that spends a ticket, for the transaction that activates what it stood for. */
export const removePendingStatement = (db: Db, ticketHash: string): D1PreparedStatement =>
  statement(db, db.orm.delete(pendingConnections).where(eq(pendingConnections.ticketHash, ticketHash)));
