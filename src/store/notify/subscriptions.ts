import { and, desc, eq, lte, ne, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/sqlite-core';

import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { countedRows, type Db, returnedRows, statement, type StoreResult, tryD1, tryD1Idempotent } from '../d1.ts';
import { type Param, preparedAtStart } from '../prepared.ts';
import { connections, isCurrent } from '../schema/connections.ts';
import { subscriptions } from '../schema/notify.ts';

/** What the broker is subscribed to at Withings: a narrow row for each person who has a connection. */

const WANT = preparedAtStart((orm, param: Param<{ withingsUserId: string; origin: string; now: EpochMs }>) => {
  const wanted = { origin: param('origin'), dueAt: param('now'), missing: null, failures: 0 };
  return orm
    .insert(subscriptions)
    .values({ withingsUserId: param('withingsUserId'), ...wanted })
    .onConflictDoUpdate({ target: subscriptions.withingsUserId, set: wanted });
});

/** The statement that has a person subscribed, for the transaction that makes or renews a connection. */
export const wantSubscriptionStatement = (
  db: Db,
  withingsUserId: string,
  origin: string,
  now: EpochMs,
): D1PreparedStatement => WANT.bind(db, { withingsUserId, origin, now });

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

const connectionColumns = {
  id: connections.id,
  appId: connections.appId,
  accessTokenSealed: connections.accessTokenSealed,
  accessExpiresAt: connections.accessExpiresAt,
  nextRefreshAt: connections.nextRefreshAt,
  nextPullAt: connections.nextReviewAt,
};

/** Subscriptions to be looked at, those due longest first, each with its connection. Takes no lease. */
export const dueSubscriptions = (db: Db, now: EpochMs, limit: number): StoreResult<DueSubscription[]> =>
  tryD1(db, async () => {
    const active = alias(connections, 'active');
    const longestLived = db.orm
      .select({ id: active.id })
      .from(active)
      .where(and(eq(active.withingsUserId, subscriptions.withingsUserId), eq(active.state, 'active')))
      .orderBy(desc(active.accessExpiresAt))
      .limit(1);
    const due = db.orm
      .select({
        withingsUserId: subscriptions.withingsUserId,
        origin: subscriptions.origin,
        keyId: subscriptions.keyId,
        verifiedAt: subscriptions.verifiedAt,
        failures: subscriptions.failures,
        dueAt: sql<EpochMs>`${subscriptions.dueAt}`.as('due_at'),
        connection: connectionColumns,
      })
      .from(subscriptions)
      .leftJoin(connections, eq(connections.id, longestLived))
      .where(lte(subscriptions.dueAt, now))
      .orderBy(subscriptions.dueAt)
      .limit(limit);
    return (await countedRows(db, due)).map((row) => ({ ...row, connection: row.connection ?? undefined }));
  });

/** Whether a subscription is due when it was due as it was read. */
const isStill = ({ withingsUserId, dueAt }: DueSubscription) =>
  and(eq(subscriptions.withingsUserId, withingsUserId), eq(subscriptions.dueAt, dueAt));

/** Leases a subscription; undefined if another invocation has it, or if the person was connected again since. */
export const leaseSubscription = (
  db: Db,
  due: DueSubscription,
  leaseUntil: EpochMs,
): StoreResult<DueSubscription | undefined> =>
  tryD1(db, async () => {
    const lease = db.orm
      .update(subscriptions)
      .set({ dueAt: leaseUntil })
      .where(isStill(due))
      .returning({ withingsUserId: subscriptions.withingsUserId });
    const leased = returnedRows(await statement(db, lease).run()) > 0;
    return leased ? { ...due, dueAt: leaseUntil } : undefined;
  });

/** Where a subscription stands after a step, and when the next one is due. */
export type SubscriptionStep = Pick<DueSubscription, 'keyId' | 'verifiedAt' | 'failures' | 'dueAt'>;

/** Records a step, unless the person was connected again since: then it begins again. */
export const recordStep = (
  db: Db,
  due: DueSubscription,
  { keyId, verifiedAt, failures, dueAt }: SubscriptionStep,
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    await db.orm.update(subscriptions).set({ keyId, missing: null, verifiedAt, failures, dueAt }).where(isStill(due));
  });

/**
 * Puts people off who were not leased, in one statement, unless another invocation has leased them since. Raw SQL: a
 * list as one parameter (`json_each`).
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

/**
 * The statements that forget those of these people who have no connection. The first returns their subscriptions. Raw
 * SQL: a list as one parameter (`json_each`).
 */
export const forgetStatements = (db: Db, withingsUserIds: readonly string[]): D1PreparedStatement[] => {
  const forget = (table: string) => `DELETE FROM ${table} WHERE withings_user_id IN (SELECT value FROM json_each(?1))
    AND NOT EXISTS (SELECT 1 FROM connections AS c WHERE c.withings_user_id = ${table}.withings_user_id AND c.state <> 'disconnected')`;
  return [`${forget('subscriptions')} RETURNING origin, key_id AS keyId`, forget('waiting_pushes')].map((sql) =>
    db.d1.prepare(sql).bind(JSON.stringify(withingsUserIds)),
  );
};

type ForgottenSubscription = { origin: string; keyId: string | null };

/**
 * Forgets a person without a connection.
 *
 * @returns the subscription that there was; undefined if there is none, or the person has a connection
 */
export const forgetSubscription = (db: Db, withingsUserId: string): StoreResult<ForgottenSubscription | undefined> =>
  tryD1(db, async () => {
    const [forgotten] = await db.d1.batch<ForgottenSubscription>(forgetStatements(db, [withingsUserId]));
    return forgotten?.results[0];
  });

/** Has a person's subscription looked at now, if there is one. */
export const lookAtSubscriptionNow = (db: Db, withingsUserId: string, now: EpochMs): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    await db.orm.update(subscriptions).set({ dueAt: now }).where(eq(subscriptions.withingsUserId, withingsUserId));
  });

/** The connection of a user that a disconnect is about to end, with its tokens; undefined if there is none. */
export type EndingConnection = SubscribingConnection & { withingsUserId: string };

export const endingConnection = (
  db: Db,
  { appId, userId }: { appId: AppId; userId: UserId },
): StoreResult<EndingConnection | undefined> =>
  tryD1(db, () =>
    db.orm
      .select({ ...connectionColumns, withingsUserId: connections.withingsUserId })
      .from(connections)
      .where(
        and(
          eq(connections.appId, appId),
          eq(connections.userId, userId),
          isCurrent,
          ne(connections.state, 'disconnected'),
        ),
      )
      .get(),
  );
