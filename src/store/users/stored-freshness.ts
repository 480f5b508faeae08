import { type ConnectionState, deliveryOf, type Freshness } from '../../domain/connection.ts';
import { storedDataAsOf } from '../sync/stored-position.ts';

/** The columns of a connection, and of the subscription of its person, that its freshness is computed from. */
export type FreshnessRow = {
  state: ConnectionState;
  lastSyncAt: number | null;
  syncHistory: string | null;
  nextPollAt: number | null;
  lastPushAt: number | null;
  verifiedAt: number | null;
  subscriptionFailures: number | null;
};

export const storedFreshness = (row: FreshnessRow): Freshness => ({
  dataAsOf: storedDataAsOf(row.syncHistory, row.lastSyncAt ?? undefined),
  delivery:
    row.state === 'active'
      ? deliveryOf({
          isSubscribed: row.verifiedAt !== null && row.subscriptionFailures === 0,
          isPolled: row.nextPollAt !== null,
        })
      : undefined,
  lastPushAt: row.lastPushAt ?? undefined,
});
