import { and, eq, sql } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import { type ConnectionDetail, isLive, reauthReasonOf } from '../../domain/connection.ts';
import type { UserId } from '../../domain/user-id.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { connections } from '../schema/connections.ts';
import { subscriptions } from '../schema/notify.ts';
import { storedProgress } from '../sync/stored-position.ts';
import { storedFreshness } from './stored-freshness.ts';
import { timelineOf } from './timeline.ts';

/** A user's current connection, or undefined if there never was one. Reads a row of `subscriptions` beside it. */
export const connectionDetail = (db: Db, appId: AppId, userId: UserId): StoreResult<ConnectionDetail | undefined> =>
  tryD1(db, async () => {
    const row = await readDetail(db, appId, userId);
    return row && detailOf(row);
  });

const readDetail = (db: Db, appId: AppId, userId: UserId) =>
  db.orm
    .select({
      userId: connections.userId,
      state: connections.state,
      stateReason: connections.stateReason,
      stateSince: connections.stateSince,
      withingsUserId: connections.withingsUserId,
      scope: connections.scope,
      createdAt: connections.createdAt,
      lastSyncAt: connections.lastSyncAt,
      historyCompleteFrom: connections.historyCompleteFrom,
      syncHistory: connections.syncHistory,
      nextRefreshAt: connections.nextRefreshAt,
      lastFailureKind: connections.lastFailureKind,
      lastFailureAt: connections.lastFailureAt,
      isShared: sql<number>`EXISTS (SELECT 1 FROM connections AS other WHERE other.app_id = connections.app_id
        AND other.withings_user_id = connections.withings_user_id AND other.user_id <> connections.user_id
        AND other.state <> 'disconnected' AND other.is_demo = 0 AND connections.is_demo = 0)`,
      isDemo: connections.isDemo,
      timeline: connections.timeline,
      nextPollAt: connections.nextReviewAt,
      lastPushAt: subscriptions.lastPushAt,
      verifiedAt: subscriptions.verifiedAt,
      subscriptionFailures: subscriptions.failures,
    })
    .from(connections)
    .leftJoin(subscriptions, eq(subscriptions.withingsUserId, connections.withingsUserId))
    .where(and(eq(connections.appId, appId), eq(connections.userId, userId), eq(connections.isCurrent, true)))
    .get();

type DetailRow = NonNullable<Awaited<ReturnType<typeof readDetail>>>;

const detailOf = (row: DetailRow): ConnectionDetail => {
  const { lastFailureKind, lastFailureAt, syncHistory, nextPollAt, verifiedAt, subscriptionFailures, ...rest } = row;
  const lastSyncAt = row.lastSyncAt ?? undefined;
  return {
    ...rest,
    isShared: row.isShared === 1 && isLive(row.state),
    stateReason: reauthReasonOf(row.stateReason),
    scope: row.scope.split(',').filter((scope) => scope !== ''),
    lastSyncAt,
    ...storedFreshness({ ...rest, syncHistory, nextPollAt, verifiedAt, subscriptionFailures }),
    history: storedProgress(syncHistory, lastSyncAt),
    historyCompleteFrom: row.historyCompleteFrom ?? undefined,
    nextRefreshAt: row.nextRefreshAt ?? undefined,
    lastFailure:
      lastFailureKind === null || lastFailureAt === null ? undefined : { kind: lastFailureKind, at: lastFailureAt },
    timeline: timelineOf(row.timeline),
  };
};
