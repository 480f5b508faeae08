import { and, eq, type SQL } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { KeyScope } from '../../domain/app.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { ConnectionState } from '../../domain/connection.ts';
import type { ReauthReason } from '../../domain/failure.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { prepared, type Param } from '../prepared.ts';
import { apiKeys, apps, connections } from '../schema/connections.ts';
import { isUseStale, scopesOf } from './api-keys.ts';

/** The app of a request, and the current connection of its user, in one round trip. */
export type AppLookup = {
  appId: AppId;
  appDisabled: boolean;
  refusesBrowserKeys: boolean;
  connection: CurrentConnection | undefined;
};

/** The data of an app's key. */
export type KeyLookup = AppLookup & {
  key: { id: string; revoked: boolean; scopes: KeyScope[]; useIsStale: boolean };
};

/** The part of the current connection that a user's request depends on. */
export type CurrentConnection = {
  id: ConnectionId;
  state: ConnectionState;
  stateReason: ReauthReason | undefined;
  stateSince: EpochMs;
  timeZone: string;
  dataVersion: number;
  /** Since when everything that was measured is stored; undefined if nothing older is still to be read. */
  historyCompleteFrom: EpochMs | undefined;
};

export const connectionColumns = {
  connectionId: connections.id,
  state: connections.state,
  stateReason: connections.stateReason,
  stateSince: connections.stateSince,
  timeZone: connections.timeZone,
  dataVersion: connections.dataVersion,
  historyCompleteFrom: connections.historyCompleteFrom,
};

/** Joins an app's row with the current connection of one of its users. */
export const currentConnectionOf = (userId: UserId | SQL<string>) =>
  and(eq(connections.appId, apps.id), eq(connections.userId, userId), eq(connections.isCurrent, true));

export const appColumns = { appId: apps.id, disabledAt: apps.disabledAt, refuseBrowserKeys: apps.refuseBrowserKeys };

const CALLER_BY_KEY = prepared((orm, param: Param<{ keyHash: string; userId: UserId }>) =>
  orm
    .select({
      ...appColumns,
      keyId: apiKeys.id,
      revokedAt: apiKeys.revokedAt,
      scopes: apiKeys.scopes,
      lastUsedAt: apiKeys.lastUsedAt,
      ...connectionColumns,
    })
    .from(apiKeys)
    .innerJoin(apps, eq(apps.id, apiKeys.appId))
    .leftJoin(connections, currentConnectionOf(param('userId')))
    .where(eq(apiKeys.hash, param('keyHash'))),
);

/**
 * The app of the key with this hash, with the current connection of that app's `userId`; undefined if there is none.
 * Reads one row of each of three tables, and one of the connections' index.
 */
export const callerByKey = (
  db: Db,
  keyHash: string,
  userId: UserId,
  now: EpochMs,
): StoreResult<KeyLookup | undefined> =>
  tryD1(db, async () => {
    const row = await CALLER_BY_KEY.first(db, { keyHash, userId });
    if (row === undefined) return undefined;
    return {
      ...appLookupOf(row),
      key: {
        id: row.keyId,
        revoked: row.revokedAt !== null,
        scopes: scopesOf(row.scopes),
        useIsStale: isUseStale(row.lastUsedAt, now),
      },
    };
  });

const CALLER_BY_USER = prepared((orm, param: Param<{ appId: AppId; userId: UserId }>) =>
  orm
    .select({ ...appColumns, ...connectionColumns })
    .from(apps)
    .leftJoin(connections, currentConnectionOf(param('userId')))
    .where(eq(apps.id, param('appId'))),
);

/** The app, with the current connection of its `userId`. Undefined if there is no such app. */
export const callerByUser = (db: Db, appId: AppId, userId: UserId): StoreResult<AppLookup | undefined> =>
  tryD1(db, async () => {
    const row = await CALLER_BY_USER.first(db, { appId, userId });
    return row && appLookupOf(row);
  });

type CallerRow = { appId: AppId; disabledAt: number | null; refuseBrowserKeys: boolean } & ConnectionRow;

export const appLookupOf = (row: CallerRow): AppLookup => ({
  appId: row.appId,
  appDisabled: row.disabledAt !== null,
  refusesBrowserKeys: row.refuseBrowserKeys,
  connection: connectionOf(row),
});

type ConnectionRow = {
  connectionId: ConnectionId | null;
  state: ConnectionState | null;
  stateReason: string | null;
  stateSince: number | null;
  timeZone: string | null;
  dataVersion: number | null;
  historyCompleteFrom: number | null;
};

/** The connection of a joined row, or undefined. */
export const connectionOf = (row: ConnectionRow): CurrentConnection | undefined => {
  if (row.connectionId === null || row.state === null) return undefined;
  return {
    id: row.connectionId,
    state: row.state,
    stateReason: (row.stateReason ?? undefined) as ReauthReason | undefined,
    stateSince: row.stateSince ?? 0,
    timeZone: row.timeZone ?? 'UTC',
    dataVersion: row.dataVersion ?? 0,
    historyCompleteFrom: row.historyCompleteFrom ?? undefined,
  };
};
