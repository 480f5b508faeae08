import { inArray, lte } from 'drizzle-orm';

import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult, changedRows, countChanges, statement } from '../d1.ts';
import { pendingConnections } from '../schema/links.ts';

/**
 * Deletes what has expired, a bounded number of each kind: spent claims, and pending connections with their tokens.
 *
 * @returns how many rows of each kind went
 */
export const sweepExpired = (db: Db, now: EpochMs, most: number): StoreResult<number[]> =>
  tryD1(db, async () => {
    const expiredTickets = db.orm
      .select({ ticketHash: pendingConnections.ticketHash })
      .from(pendingConnections)
      .where(lte(pendingConnections.expiresAt, now))
      .limit(most);
    const [, claims, , pending] = await db.d1.batch([
      // Raw SQL: the builder has no row values.
      db.d1
        .prepare(
          `DELETE FROM claims WHERE (expires_at, id) IN (SELECT expires_at, id FROM claims WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)`,
        )
        .bind(now, most),
      countChanges(db),
      statement(db, db.orm.delete(pendingConnections).where(inArray(pendingConnections.ticketHash, expiredTickets))),
      countChanges(db),
    ]);
    return [changedRows(claims), changedRows(pending)];
  });
