import { DAY_MS, type EpochMs, HOUR_MS } from './time.ts';

/** Rows that the database says it has read and written, on one day of UTC: its plan's limits are by that day. */
export type Rows = { read: number; written: number };

/** What an isolate has used and not noted, and when it began to count. */
export type RowsUsed = Rows & { day: number; since: EpochMs };

export const dayOf = (at: EpochMs): number => Math.floor(at / DAY_MS);

/** What is used up with these rows. What is left of the day before is dropped: it is no use of today's. */
export const withRows = (used: RowsUsed | undefined, rows: Rows, now: EpochMs): RowsUsed => {
  const of = used?.day === dayOf(now) ? used : { day: dayOf(now), since: now, read: 0, written: 0 };
  return { ...of, read: of.read + rows.read, written: of.written + rows.written };
};

/** From here on it is noted, which writes a row: a thousandth of what is written, or one an hour. */
const WORTH_NOTING: Rows = { read: 50_000, written: 1_000 };

export const isWorthNoting = ({ read, written, since }: RowsUsed, now: EpochMs): boolean =>
  read >= WORTH_NOTING.read || written >= WORTH_NOTING.written || now - since >= HOUR_MS;
