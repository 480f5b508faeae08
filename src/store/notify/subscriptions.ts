import type { ConnectionId } from '../../domain/connection-id.ts';
import type { EpochMs } from '../../domain/time.ts';
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

/** A person whose next step is due. */
export type DueSubscription = {
  withingsUserId: string;
  origin: string;
  keyId: string | null;
  missing: string | null;
  verifiedAt: EpochMs | null;
  failures: number;
  /** Until when no other invocation takes the step. The step is recorded only if this still stands. */
  leaseUntil: EpochMs;
};

export type SubscribingConnection = {
  id: ConnectionId;
  appId: string;
  accessTokenSealed: string | null;
  accessExpiresAt: EpochMs;
  nextRefreshAt: EpochMs | null;
};

/** Takes the step that is due longest; undefined if none is. */
export const takeDueSubscription = (
  db: Db,
  leaseUntil: EpochMs,
  now: EpochMs,
): StoreResult<DueSubscription | undefined> =>
  tryD1(db, async () => {
    const row = await db.d1
      .prepare(
        `UPDATE subscriptions SET due_at = ?2
         WHERE withings_user_id = (SELECT withings_user_id FROM subscriptions WHERE due_at <= ?1 ORDER BY due_at LIMIT 1)
         RETURNING withings_user_id AS withingsUserId, origin, key_id AS keyId, missing, verified_at AS verifiedAt, failures`,
      )
      .bind(now, leaseUntil)
      .first<Omit<DueSubscription, 'leaseUntil'>>();
    return row === null ? undefined : { ...row, leaseUntil };
  });

/** The person's connection whose access token lives longest. */
export const subscribingConnection = (db: Db, withingsUserId: string): StoreResult<SubscribingConnection | undefined> =>
  tryD1(
    db,
    async () =>
      (await db.d1
        .prepare(
          `SELECT id, app_id AS appId, access_token_sealed AS accessTokenSealed, access_expires_at AS accessExpiresAt,
             next_refresh_at AS nextRefreshAt
           FROM connections WHERE withings_user_id = ?1 AND state = 'active' ORDER BY access_expires_at DESC LIMIT 1`,
        )
        .bind(withingsUserId)
        .first<SubscribingConnection>()) ?? undefined,
  );

/** Where a subscription stands after a step. */
export type SubscriptionStep = Pick<DueSubscription, 'keyId' | 'missing' | 'verifiedAt' | 'failures'> & {
  dueAt: EpochMs;
};

/** Records a step, unless the person was connected again since: then it begins again. */
export const recordStep = (
  db: Db,
  { withingsUserId, leaseUntil }: DueSubscription,
  { keyId, missing, verifiedAt, failures, dueAt }: SubscriptionStep,
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    await db.d1
      .prepare(
        `UPDATE subscriptions SET key_id = ?3, missing = ?4, verified_at = ?5, failures = ?6, due_at = ?7
         WHERE withings_user_id = ?1 AND due_at = ?2`,
      )
      .bind(withingsUserId, leaseUntil, keyId, missing, verifiedAt, failures, dueAt)
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
  { appId, userId }: { appId: string; userId: string },
): StoreResult<EndingConnection | undefined> =>
  tryD1(
    db,
    async () =>
      (await db.d1
        .prepare(
          `SELECT id, app_id AS appId, access_token_sealed AS accessTokenSealed, access_expires_at AS accessExpiresAt,
             next_refresh_at AS nextRefreshAt, withings_user_id AS withingsUserId
           FROM connections WHERE app_id = ?1 AND user_id = ?2 AND is_current = 1 AND state = 'active'`,
        )
        .bind(appId, userId)
        .first<EndingConnection>()) ?? undefined,
  );
