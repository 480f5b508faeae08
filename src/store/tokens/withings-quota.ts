import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import { type EpochMs, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import { tryD1, tryD1Idempotent, type Db, type StoreResult } from '../d1.ts';

/**
 * The quota: Withings allows the client 120 requests a minute. Each kind of request has its own share of it, so many
 * requests of one kind do not block another. The kinds: refreshes by the cron, syncs by apps, syncs and reviews that
 * the cron continues, code exchanges, subscriptions, and others.
 */
export const SHARE_NAMES = ['cron', 'sync', 'resume', 'review', 'link', 'notify', 'other'] as const;
export type ShareName = (typeof SHARE_NAMES)[number];

/** At most this many requests in any 60 seconds. */
export type Share = { requestsPerMinute: number };

/**
 * The most requests of one refresh: with the stored refresh token, with the one before, and a proof of the client
 * secret. This many are always possible at once and come back within a minute. Otherwise a connection that needs them
 * all would never be refreshed and would block the queue.
 */
const MAX_AT_ONCE = 3;
/** The smallest share that allows that. */
export const SMALLEST_SHARE = 2 * MAX_AT_ONCE;

/**
 * The part of a share that is available at once; the rest comes back within a minute. Syncs arrive all the time, and a
 * tick waits for its subscriptions, so an even pace is best. The cron runs once a minute, and links come in bursts.
 */
const PART_AT_ONCE: Record<ShareName, number> = {
  cron: 1 / 2,
  sync: 1 / 4,
  resume: 1 / 2,
  review: 1 / 2,
  link: 1 / 2,
  notify: 1 / 4,
  other: 1 / 2,
};

type Pace = { intervalMs: number; burstMs: number };

/**
 * The generic cell rate algorithm in one row. Requests come back at an even pace, part of the share is available at
 * once, and together they never exceed the share in any 60 seconds.
 */
export const pace = (name: ShareName, { requestsPerMinute }: Share): Pace => {
  const burst = Math.max(MAX_AT_ONCE, Math.floor(requestsPerMinute * PART_AT_ONCE[name]));
  const intervalMs = Math.ceil(MINUTE_MS / (requestsPerMinute - burst));
  return { intervalMs, burstMs: burst * intervalMs };
};

/** An app that uses less than half of the syncs' share has priority. */
const appPace = (ofAll: Pace): Pace => ({ ...ofAll, intervalMs: 2 * ofAll.intervalMs });
const appRowName = (appId: AppId): string => `sync:${appId}`;
/** The part of the burst that is reserved for apps within their half. */
const PART_FOR_OTHERS = 1 / 3;
const leftToOthers = ({ burstMs }: Pace): number => Math.floor(burstMs * PART_FOR_OTHERS);
/** A row that is further ahead was written by an isolate with a wrong clock, and is ignored. */
export const LONGEST_AHEAD_MS = 2 * HOUR_MS;

/** Rows that say until when no request is sent for one connection. The name is the prefix and the connection's id. */
const WAITS = `name > 'wait:' AND name < 'wait;'`;
const waitName = (connectionId: ConnectionId): string => `wait:${connectionId}`;
/** If this many connections have to wait at the same time, Withings throttles the client, so all wait. */
const WAITS_OF_CLIENT = 3;

export type Take = {
  name: ShareName;
  share: Share;
  count: number;
  /** The app whose sync it is. Other kinds of requests are not counted by app. */
  appId?: AppId | undefined;
  /** Whether it leaves the part of the burst that is reserved for others. */
  yields?: true | undefined;
  /** The connection that the request is for. While it has to wait, nothing is granted. */
  connectionId?: ConnectionId | undefined;
  /** How long the caller can wait for the grant. */
  waitMs?: number | undefined;
  /** Another condition for the grant. `?1` in it is the current time; its own parameters start at `?10`. */
  onlyIf?: Condition | undefined;
};

/** A condition on a statement of the caller. */
export type Condition = { sql: string; values: readonly (string | number | null)[] };

/** The time at which a bucket will be empty. */
const level = (name: string): string =>
  `max(?1, coalesce((SELECT empty_at FROM request_budgets WHERE name = ${name} AND empty_at <= ?1 + ${LONGEST_AHEAD_MS}), ?1))`;
const isRunning = `empty_at > ?1 AND empty_at <= ?1 + ${LONGEST_AHEAD_MS}`;
const isAppWithin = `?5 IS NOT NULL AND app + ?6 <= ?1 + ?7`;

/**
 * Raw SQL: one statement decides and writes. It writes the app's row only if the share is nearly used up: otherwise
 * that write is not needed. The LIMIT keeps SQLite from reading a level again at each mention. The CASE has it check
 * the condition first, so that what is refused by it reads nothing else.
 */
const take = (condition: string): string => `
  INSERT INTO request_budgets (name, empty_at)
  SELECT iif(row.column1 = 'share', ?2, ?5), iif(row.column1 = 'share', share + ?3, app + ?6)
  FROM (SELECT ${level('?2')} AS share, ${level('?5')} AS app
      WHERE CASE WHEN ${condition} THEN
        NOT EXISTS (SELECT 1 FROM request_budgets WHERE name = ?9 AND ${isRunning})
        AND (SELECT count(*) FROM request_budgets WHERE ${WAITS} AND ${isRunning}) < ${WAITS_OF_CLIENT} END
      LIMIT 1),
    (VALUES ('share'), ('app')) AS row
  WHERE (row.column1 = 'share' OR (${isAppWithin} AND share + ?3 > ?1 + ?4 / 2))
    AND share + ?3 <= ?1 + ?4 - iif(${isAppWithin}, 0, ?8)
  ON CONFLICT (name) DO UPDATE SET empty_at = excluded.empty_at
  RETURNING name, empty_at AS emptyAt`;

/**
 * The statement that takes requests from a share. It returns a row only if they were granted. The rows decide, so
 * isolates cannot exceed a share together. A refusal writes nothing.
 */
const takeQuotaStatement = (db: Db, asked: Take, now: EpochMs): D1PreparedStatement => {
  const { name, share, count, waitMs = 0, onlyIf, appId, yields } = asked;
  const [appRow, waitRow] = namesOf(asked);
  const ofAll = pace(name, share);
  const ofApp = appPace(ofAll);
  return db.d1
    .prepare(take(onlyIf?.sql ?? 'TRUE'))
    .bind(
      now,
      name,
      count * ofAll.intervalMs,
      ofAll.burstMs + waitMs,
      appRow,
      count * ofApp.intervalMs,
      ofApp.burstMs,
      appId === undefined && yields !== true ? 0 : leftToOthers(ofAll),
      waitRow,
      ...(onlyIf?.values ?? []),
    );
};

const namesOf = ({ appId, connectionId }: Take): [string | null, string | null] => [
  appId === undefined ? null : appRowName(appId),
  connectionId === undefined ? null : waitName(connectionId),
];

/** The statement that deletes what is counted for an app. */
export const forgetAppQuotaStatement = (db: Db, appId: AppId): D1PreparedStatement =>
  db.d1.prepare('DELETE FROM request_budgets WHERE name = ?1').bind(appRowName(appId));

/** Granted requests, after a pause if the caller can wait. */
export type Grant = { waitMs: number };
/** The statement's result; undefined if nothing was granted. */
const grantedBy = ({ name, share }: Take, now: EpochMs, result: D1Result | undefined): Grant | undefined => {
  const rows = (result?.results ?? []) as { name: string; emptyAt: number }[];
  const row = rows.find((one) => one.name === name);
  return row && { waitMs: Math.max(0, row.emptyAt - pace(name, share).burstMs - now) };
};

/** What was granted, if anything, and the results of the statements before and after it. */
export type Taken = { granted: Grant | undefined; results: D1Result[] };

/**
 * Takes requests from a share, unless it is used up or the connection has to wait. Runs in one transaction with
 * statements that may depend on it: in the first of them `changes() > 0` is true if requests were granted. They may run
 * again.
 *
 * @param preceding statements that `onlyIf` may depend on; they may run again too
 */
export const takeQuota = (
  db: Db,
  asked: Take,
  now: EpochMs,
  following: readonly D1PreparedStatement[] = [],
  preceding: readonly D1PreparedStatement[] = [],
): StoreResult<Taken> =>
  (following.length === 0 && asked.waitMs === undefined ? tryD1 : tryD1Idempotent)(db, async () => {
    const results = await db.d1.batch([...preceding, takeQuotaStatement(db, asked, now), ...following]);
    const [taken] = results.splice(preceding.length, 1);
    return { granted: grantedBy(asked, now, taken), results };
  });

/** Why nothing was granted, and for how long: the share is used up, or Withings asked to wait. */
export type Refusal = { kind: 'used_up' | 'throttled'; retryAfterSeconds: number };

export const whyRefused = (db: Db, take: Take, now: EpochMs): StoreResult<Refusal> =>
  tryD1(db, async () => {
    const row = await db.d1
      .prepare(
        `SELECT ${level('?2')} AS share, ${level('?3')} AS app,
           (SELECT empty_at FROM request_budgets WHERE name = ?4 AND ${isRunning}) AS connection,
           (SELECT empty_at FROM request_budgets WHERE ${WAITS} AND ${isRunning}
              ORDER BY empty_at DESC LIMIT 1 OFFSET ${WAITS_OF_CLIENT - 1}) AS client`,
      )
      .bind(now, take.name, ...namesOf(take))
      .first<{ share: number; app: number; connection: number | null; client: number | null }>();
    const until = Math.max(row?.connection ?? 0, row?.client ?? 0);
    return until > now
      ? { kind: 'throttled', retryAfterSeconds: Math.ceil((until - now) / SECOND_MS) }
      : { kind: 'used_up', retryAfterSeconds: waitSeconds(take, row ?? { share: now, app: now }, now) };
  });

/** When the share grants these requests if no other request takes any. An app beyond its half waits longer. */
const waitSeconds = (
  { name, share, count, appId, yields }: Take,
  levels: { share: number; app: number },
  now: EpochMs,
) => {
  const ofAll = pace(name, share);
  const ofApp = appPace(ofAll);
  const forShare = levels.share + count * ofAll.intervalMs - ofAll.burstMs - now;
  const untilWithin = appId === undefined ? 0 : levels.app + count * ofApp.intervalMs - ofApp.burstMs - now;
  const untilOthersHave = forShare + leftToOthers(ofAll);
  const waitMs = yields === true ? untilOthersHave : Math.min(Math.max(forShare, untilWithin), untilOthersHave);
  return Math.max(1, Math.ceil(waitMs / SECOND_MS));
};

/** Records that Withings asked to wait for one connection, and deletes waits that have ended. */
export const recordWait = (db: Db, connectionId: ConnectionId, until: EpochMs, now: EpochMs): StoreResult<void> =>
  tryD1(db, async () => {
    await db.d1.batch([
      db.d1.prepare(`DELETE FROM request_budgets WHERE ${WAITS} AND NOT (${isRunning})`).bind(now),
      db.d1
        .prepare(
          `INSERT INTO request_budgets (name, empty_at) VALUES (?1, ?2)
           ON CONFLICT (name) DO UPDATE SET empty_at = max(empty_at, ?2)`,
        )
        .bind(waitName(connectionId), until),
    ]);
  });

/**
 * Closes a share until a time, for all callers: Withings is down, or asked the client to wait. If it is already closed
 * for longer, it stays so.
 */
export const closeQuota = (db: Db, name: ShareName, share: Share, until: EpochMs, now: EpochMs): StoreResult<void> =>
  tryD1(db, async () => {
    const emptyAt = until + pace(name, share).burstMs;
    await db.d1
      .prepare(
        `INSERT INTO request_budgets (name, empty_at) VALUES (?2, ?3)
         ON CONFLICT (name) DO UPDATE SET empty_at = max(?3, ${level('?2')})`,
      )
      .bind(now, name, emptyAt)
      .run();
  });

/** The latest `empty_at` at which a share still grants a request. */
export const latestEmptyAt = (name: ShareName, share: Share, now: EpochMs): EpochMs => {
  const { intervalMs, burstMs } = pace(name, share);
  return now + burstMs - intervalMs;
};

/** The requests of a share that were made and have not come back yet. */
export const inUse = (name: ShareName, share: Share, emptyAt: EpochMs, now: EpochMs): number =>
  Math.max(0, Math.ceil((emptyAt - now) / pace(name, share).intervalMs));
