import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { type Db, type StoreResult, tryD1, tryD1Idempotent } from '../d1.ts';

/** What the broker is subscribed to at Withings: a narrow row for each person who has a connection. */

/** The statement that has a person subscribed, for the transaction that makes or renews a connection. */
export const wantSubscriptionStatement = (
  db: Db,
  withingsUserId: string,
  origin: string,
  now: EpochMs,
): D1PreparedStatement =>
  db.d1
    .prepare(
      `INSERT INTO subscriptions (withings_user_id, origin, due_at) VALUES (?1, ?2, ?3)
       ON CONFLICT (withings_user_id) DO UPDATE SET origin = ?2, due_at = ?3, missing = NULL, failures = 0`,
    )
    .bind(withingsUserId, origin, now);

/** A person whose subscription is to be looked at. */
export type DueSubscription = {
  withingsUserId: string;
  origin: string;
  keyId: string | null;
  verifiedAt: EpochMs | null;
  failures: number;
  /** When that fell due, or until when this invocation alone does it. A step is recorded only if this still stands. */
  dueAt: EpochMs;
  /** The person's connection whose access token lives longest. */
  connection: SubscribingConnection | undefined;
};

export type SubscribingConnection = {
  id: ConnectionId;
  appId: AppId;
  accessTokenSealed: string | null;
  accessExpiresAt: EpochMs;
  /** When other work refreshes its tokens next. */
  nextRefreshAt: EpochMs | null;
  nextPullAt: EpochMs | null;
};

const CONNECTION = `c.id, c.app_id AS appId, c.access_token_sealed AS accessTokenSealed, c.access_expires_at AS accessExpiresAt,
  c.next_refresh_at AS nextRefreshAt, c.next_review_at AS nextPullAt`;

type DueRow = Omit<DueSubscription, 'connection'> & (SubscribingConnection | Record<keyof SubscribingConnection, null>);

/** Subscriptions to be looked at, those due longest first, each with its connection. Takes no lease. */
export const dueSubscriptions = (db: Db, now: EpochMs, limit: number): StoreResult<DueSubscription[]> =>
  tryD1(db, async () => {
    const { results } = await db.d1
      .prepare(
        `SELECT s.withings_user_id AS withingsUserId, s.origin, s.key_id AS keyId, s.verified_at AS verifiedAt, s.failures,
           s.due_at AS dueAt, ${CONNECTION}
         FROM subscriptions AS s LEFT JOIN connections AS c ON c.id = (
           SELECT id FROM connections WHERE withings_user_id = s.withings_user_id AND state = 'active'
           ORDER BY access_expires_at DESC LIMIT 1)
         WHERE s.due_at <= ?1 ORDER BY s.due_at LIMIT ?2`,
      )
      .bind(now, limit)
      .all<DueRow>();
    return results.map(({ withingsUserId, origin, keyId, verifiedAt, failures, dueAt, ...found }) => {
      const connection = found.id === null ? undefined : found;
      return { withingsUserId, origin, keyId, verifiedAt, failures, dueAt, connection };
    });
  });

/** Leases a subscription; undefined if another invocation has it, or if the person was connected again since. */
export const leaseSubscription = (
  db: Db,
  due: DueSubscription,
  leaseUntil: EpochMs,
): StoreResult<DueSubscription | undefined> =>
  tryD1(db, async () => {
    const row = await db.d1
      .prepare('UPDATE subscriptions SET due_at = ?3 WHERE withings_user_id = ?1 AND due_at = ?2 RETURNING 1 AS leased')
      .bind(due.withingsUserId, due.dueAt, leaseUntil)
      .first();
    return row === null ? undefined : { ...due, dueAt: leaseUntil };
  });

/** Where a subscription stands after a step, and when the next one is due. */
export type SubscriptionStep = Pick<DueSubscription, 'keyId' | 'verifiedAt' | 'failures' | 'dueAt'>;

/** Records a step, unless the person was connected again since: then it begins again. */
export const recordStep = (
  db: Db,
  { withingsUserId, dueAt: wasDueAt }: DueSubscription,
  { keyId, verifiedAt, failures, dueAt }: SubscriptionStep,
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    await db.d1
      .prepare(
        `UPDATE subscriptions SET key_id = ?3, missing = NULL, verified_at = ?4, failures = ?5, due_at = ?6
         WHERE withings_user_id = ?1 AND due_at = ?2`,
      )
      .bind(withingsUserId, wasDueAt, keyId, verifiedAt, failures, dueAt)
      .run();
  });

/**
 * Puts people off who were not leased, in one statement, unless another invocation has leased them since. Raw SQL: a list
 * as one parameter (`json_each`).
 */
export const postponeSubscriptions = (
  db: Db,
  waiting: readonly { due: DueSubscription; until: EpochMs }[],
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    if (waiting.length === 0) return;
    await db.d1
      .prepare(
        `UPDATE subscriptions SET due_at = wait.value ->> 2 FROM json_each(?1) AS wait
         WHERE withings_user_id = wait.value ->> 0 AND due_at = wait.value ->> 1`,
      )
      .bind(JSON.stringify(waiting.map(({ due, until }) => [due.withingsUserId, due.dueAt, until])))
      .run();
  });

const HAS_ENDED = `withings_user_id = ?1
  AND NOT EXISTS (SELECT 1 FROM connections WHERE withings_user_id = ?1 AND state <> 'disconnected')`;

/**
 * Forgets a person without a connection.
 *
 * @returns the subscription that there was; undefined if there is none, or the person has a connection
 */
export const forgetSubscription = (
  db: Db,
  withingsUserId: string,
): StoreResult<{ origin: string; keyId: string | null } | undefined> =>
  tryD1(db, async () => {
    const [forgotten] = await db.d1.batch([
      db.d1
        .prepare(`DELETE FROM subscriptions WHERE ${HAS_ENDED} RETURNING origin, key_id AS keyId`)
        .bind(withingsUserId),
      db.d1.prepare(`DELETE FROM waiting_pushes WHERE ${HAS_ENDED}`).bind(withingsUserId),
    ]);
    return ((forgotten?.results ?? []) as { origin: string; keyId: string | null }[])[0];
  });

/** The connection of a user that a disconnect is about to end, with its tokens; undefined if there is none. */
export type EndingConnection = SubscribingConnection & { withingsUserId: string };

export const endingConnection = (
  db: Db,
  { appId, userId }: { appId: AppId; userId: UserId },
): StoreResult<EndingConnection | undefined> =>
  tryD1(
    db,
    async () =>
      (await db.d1
        .prepare(
          `SELECT ${CONNECTION}, c.withings_user_id AS withingsUserId
           FROM connections AS c WHERE c.app_id = ?1 AND c.user_id = ?2 AND c.is_current = 1 AND c.state = 'active'`,
        )
        .bind(appId, userId)
        .first<EndingConnection>()) ?? undefined,
  );
