import * as z from 'zod';

import type { Rows, RowsUsed } from '../../domain/rows-used.ts';
import { parseStored } from '../../domain/stored-json.ts';
import type { EpochMs } from '../../domain/time.ts';
import { type Db, type StoreResult, tryD1 } from '../d1.ts';

/** The rows of a day that isolates have noted: a row of `broker_state`, which the next day replaces. */

/** Raw SQL: it adds to numbers in JSON. */
const ADD = `
  INSERT INTO broker_state (name, value, updated_at) VALUES ('rows', json_object('day', ?1, 'read', ?2, 'written', ?3), ?4)
  ON CONFLICT (name) DO UPDATE SET updated_at = excluded.updated_at, value = iif(value ->> 'day' = ?1,
    json_object('day', ?1, 'read', (value ->> 'read') + ?2, 'written', (value ->> 'written') + ?3), excluded.value)
  WHERE value ->> 'day' <= ?1`;

/**
 * Adds rows to their day, unless a later one has begun. Not repeated: an answer that is lost would count them twice.
 */
export const addRowsUsed = (db: Db, { day, read, written }: RowsUsed, now: EpochMs): StoreResult<void> =>
  tryD1(db, async () => {
    await db.d1.prepare(ADD).bind(day, read, written, now).run();
  });

const noted = z.object({ day: z.number(), read: z.number(), written: z.number() });

/** What is noted of this day. */
export const rowsUsedOf = (text: string | undefined, day: number): Rows => {
  const found = parseStored(noted, text);
  return found?.day === day ? found : { read: 0, written: 0 };
};
