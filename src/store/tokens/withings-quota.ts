import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';

/** Who asks Withings: each has its own share of the 120 requests a minute that the whole client may make. */
export type QuotaName = 'cron' | 'sync' | 'link';

/** A share: so many requests in any 60 seconds. */
export type Share = { requestsPerMinute: number };

/**
 * What one refresh may ask at worst: with the stored refresh token, with the one before, and for a proof of the client. So many are always
 * possible at once and come back within a minute: else a connection that needs them all would be put off for ever, ahead of all others.
 */
const MAX_AT_ONCE = 3;
/** The smallest share in which that holds. */
export const SMALLEST_SHARE = 2 * MAX_AT_ONCE;

/**
 * The generic cell rate algorithm over one row: requests come back at an even pace, a quarter of the share may come at once, and together
 * they never exceed the share in any 60 seconds.
 */
const pace = ({ requestsPerMinute }: Share): { intervalMs: number; burstMs: number } => {
  const burst = Math.max(MAX_AT_ONCE, Math.floor(requestsPerMinute / 4));
  const intervalMs = Math.ceil(60_000 / (requestsPerMinute - burst));
  return { intervalMs, burstMs: burst * intervalMs };
};

/**
 * The statement that takes `count` requests from a share. It returns a row where they were granted and none where the share is used up,
 * decided by the one row itself, so that isolates cannot overdraw it together.
 */
const takeQuotaStatement = (
  db: Db,
  name: QuotaName,
  share: Share,
  count: number,
  now: EpochMs,
): D1PreparedStatement => {
  const { intervalMs, burstMs } = pace(share);
  return db.d1
    .prepare(
      `INSERT INTO request_budgets (name, empty_at) VALUES (?1, ?2 + ?3)
       ON CONFLICT (name) DO UPDATE SET empty_at = max(empty_at, ?2) + ?3
       WHERE max(empty_at, ?2) + ?3 <= ?2 + ?4
       RETURNING empty_at`,
    )
    .bind(name, now, count * intervalMs, burstMs);
};

/** Takes `count` requests from a share; false where it is used up for now. */
export const takeQuota = (db: Db, name: QuotaName, share: Share, count: number, now: EpochMs): StoreResult<boolean> =>
  tryD1(db, async () => (await takeQuotaStatement(db, name, share, count, now).all()).results.length > 0);

/**
 * Closes a share until a moment, for everyone who draws on it: Withings is down, or has asked the client as a whole to wait. Closed for
 * longer already, it stays so.
 */
export const closeQuota = (db: Db, name: QuotaName, share: Share, until: EpochMs): StoreResult<void> =>
  tryD1(db, async () => {
    const emptyAt = until + pace(share).burstMs;
    await db.d1
      .prepare(
        `INSERT INTO request_budgets (name, empty_at) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET empty_at = ?2 WHERE empty_at < ?2`,
      )
      .bind(name, emptyAt)
      .run();
  });

/** The latest `empty_at` at which a share still grants a request. */
export const latestEmptyAt = (share: Share, now: EpochMs): EpochMs => {
  const { intervalMs, burstMs } = pace(share);
  return now + burstMs - intervalMs;
};

/** How long until a share that is used up grants one request again. */
export const quotaWaitSeconds = (share: Share): number => Math.ceil(pace(share).intervalMs / 1000);
