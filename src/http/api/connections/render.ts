import type * as z from 'zod';

import type { ShownConnection } from '../../../broker/users/connection-state.ts';
import type { ListedUser } from '../../../broker/users/list-connections.ts';
import type { Freshness } from '../../../domain/connection.ts';
import type { SyncResult } from '../../../domain/sync.ts';
import type { TimelineEvent } from '../../../domain/timeline.ts';
import type { UserId } from '../../../domain/user-id.ts';
import { instant, instantOrNull } from '../instant.ts';
import type * as contract from './contract.ts';

export const renderSync = ({
  syncedAt,
  historyCompleteFrom,
  ...result
}: SyncResult): z.infer<typeof contract.syncResult> => ({
  ...result,
  history_complete_from: instantOrNull(historyCompleteFrom),
  synced_at: instant(syncedAt),
});

export const renderListedConnection = (user: ListedUser): z.infer<typeof contract.listedConnection> => ({
  user_id: user.userId,
  user_hash: user.userHash,
  state: user.state,
  state_reason: user.stateReason ?? null,
  state_since: instant(user.stateSince),
  last_sync_at: instantOrNull(user.lastSyncAt),
  ...renderFreshness(user),
  demo: user.isDemo,
  failing: user.failure ?? null,
});

const renderFreshness = (fresh: Freshness | undefined) => ({
  data_as_of: instantOrNull(fresh?.dataAsOf),
  delivery: fresh?.delivery ?? null,
  last_push_at: instantOrNull(fresh?.lastPushAt),
});

/** A user's connection; a pending one if that is the only one. */
export const renderConnection = (
  userId: UserId,
  { detail, pending, userHash }: ShownConnection,
): z.infer<typeof contract.connection> => ({
  user_id: userId,
  user_hash: userHash,
  state: detail?.state ?? 'pending',
  state_reason: detail?.stateReason ?? null,
  state_since: instant(detail?.stateSince ?? pending?.since ?? 0),
  conflict: detail?.isShared ?? false,
  demo: (detail ?? pending)?.isDemo ?? false,
  pending_since: instantOrNull(pending?.since),
  scopes: detail?.scope ?? [],
  created_at: instantOrNull(detail?.createdAt),
  last_sync_at: instantOrNull(detail?.lastSyncAt),
  ...renderFreshness(detail),
  history_complete_from: instantOrNull(detail?.historyCompleteFrom),
  history: detail?.history ?? 'unread',
  next_refresh_at: instantOrNull(detail?.nextRefreshAt),
  last_failure:
    detail?.lastFailure === undefined ? null : { kind: detail.lastFailure.kind, at: instant(detail.lastFailure.at) },
  timeline: renderTimeline(detail?.timeline ?? []),
});

export const renderTimeline = (timeline: readonly TimelineEvent[]): z.infer<typeof contract.timelineEvent>[] =>
  timeline.map(({ at, until, ...event }) => ({
    ...event,
    at: instant(at),
    ...(until !== undefined && { until: instant(until) }),
  }));
