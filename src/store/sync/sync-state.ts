import { eq } from 'drizzle-orm';

import type { ConnectionState } from '../../domain/connection.ts';
import type { ReauthReason } from '../../domain/failure.ts';
import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { prepared, type Param } from '../prepared.ts';
import { connections } from '../schema/connections.ts';

/** Who syncs a connection now, and how the last sync ended. */
export type SyncState = {
  state: ConnectionState;
  stateReason: ReauthReason | undefined;
  leaseId: string | undefined;
  last: { endedAt: EpochMs; outcome: unknown } | undefined;
};

const SYNC_STATE = prepared((orm, param: Param<{ connectionId: number }>) =>
  orm
    .select({
      state: connections.state,
      stateReason: connections.stateReason,
      leaseId: connections.syncLeaseId,
      last: connections.lastSyncResult,
    })
    .from(connections)
    .where(eq(connections.id, param('connectionId'))),
);

/** The sync state of a connection; undefined where it does not exist. */
export const syncStateOf = (db: Db, connectionId: number): StoreResult<SyncState | undefined> =>
  tryD1(db, async () => {
    const row = await SYNC_STATE.first(db, { connectionId });
    if (row === undefined) return undefined;
    return {
      state: row.state,
      stateReason: (row.stateReason ?? undefined) as ReauthReason | undefined,
      leaseId: row.leaseId ?? undefined,
      last: row.last === null ? undefined : JSON.parse(row.last),
    };
  });
