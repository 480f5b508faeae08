import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult, changedRows, countChanges } from '../d1.ts';

/**
 * Deletes what has expired, a bounded number of each kind: spent claims, and pending connections with their tokens.
 *
 * @returns how many rows of each kind went
 */
export const sweepExpired = (db: Db, now: EpochMs, most: number): StoreResult<number[]> =>
  tryD1(db, async () => {
    const [, claims, , pending] = await db.d1.batch([
      db.d1
        .prepare(
          `DELETE FROM claims WHERE (expires_at, id) IN (SELECT expires_at, id FROM claims WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)`,
        )
        .bind(now, most),
      countChanges(db),
      db.d1
        .prepare(
          `DELETE FROM pending_connections WHERE ticket_hash IN (SELECT ticket_hash FROM pending_connections WHERE expires_at <= ?1 LIMIT ?2)`,
        )
        .bind(now, most),
      countChanges(db),
    ]);
    return [changedRows(claims), changedRows(pending)];
  });
