import type { ConnectionId } from '../../domain/connection-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import { tryD1Idempotent, type Db, type StoreResult, returnedRows } from '../d1.ts';
import { eventStatement, type NewEvent, rememberEventsToSend } from '../webhooks/events.ts';
import { changeStatements, type StoredPage } from './change-statements.ts';
import type { HeldWrite } from './sync-runs.ts';

/**
 * Writes body data. A page of Withings' answer is stored in one transaction with a fixed number of statements for any
 * number of groups. Rows are passed as JSON, because D1 binds at most 100 parameters. Each statement names the sync
 * lease, so a sync that was overtaken by a disconnect writes nothing.
 */

/**
 * Stores a page's changes in one transaction with the progress of its sync. It may run again: rows are written as they
 * are, and the progress and its events only once.
 *
 * @returns whether it was stored; false if the lease was lost
 */
export const storeGroupChanges = (
  db: Db,
  held: { connectionId: ConnectionId; leaseId: string },
  page: StoredPage,
  now: EpochMs,
  { write, check }: HeldWrite,
  events: readonly NewEvent[] = [],
): StoreResult<boolean> =>
  tryD1Idempotent(db, async () => {
    const statements = changeStatements(db, held, page, now);
    const noted = events.map((event) => eventStatement(db, event));
    const results = await db.d1.batch([...statements, write, ...noted, check]);
    rememberEventsToSend(db, results.slice(statements.length + 1, -1));
    return returnedRows(results.at(-1)) > 0;
  });
