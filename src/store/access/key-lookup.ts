import { and, eq, type SQL, sql } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { KeyScope } from '../../domain/app.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import { type ConnectionState, reauthReasonOf } from '../../domain/connection.ts';
import type { ReauthReason } from '../../domain/failure.ts';
import { ok } from '../../domain/result.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { ownerFoundBy, type Reader } from '../metrics/read.ts';
import { type Param, prepared, type Prepared, preparedAtStart } from '../prepared.ts';
import { apiKeys, apps, connections } from '../schema/connections.ts';
import { isUseStale } from './api-keys.ts';

/** What a credential asks for, besides itself. */
export type Asked = {
  appId: AppId;
  userId: UserId;
  /** Whether a disabled app is served. */
  servesDisabled: boolean;
};
export type KeyAsked = Asked & { keyHash: string; scope: KeyScope; fromBrowser: boolean };

/** Why a credential does not admit a request. */
export type Refusal = 'credential_invalid' | 'app_not_found' | 'browser_key_refused' | 'scope_missing' | 'app_disabled';

/** The data of an app's key, and the current connection of the user. */
export type KeyLookup = {
  keyId: string;
  refusal: Refusal | undefined;
  useIsStale: boolean;
  connection: CurrentConnection | undefined;
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
  connectionId: sql<ConnectionId>`${connections.id}`.as('connection_id'),
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

export const isAppRefused = (param: Param<Asked>) =>
  sql`${apps.disabledAt} IS NOT NULL AND NOT ${param('servesDisabled')}`;

/** The rules of a key, in their only place: what a request reads in the same batch depends on them too. */
const refusalOfKey = (param: Param<KeyAsked>) => sql<Refusal | null>`CASE
  WHEN ${apiKeys.revokedAt} IS NOT NULL THEN 'credential_invalid'
  WHEN ${apps.id} <> ${param('appId')} THEN 'app_not_found'
  WHEN ${apps.refuseBrowserKeys} AND ${param('fromBrowser')} THEN 'browser_key_refused'
  WHEN instr(' ' || ${apiKeys.scopes} || ' ', ' ' || ${param('scope')} || ' ') = 0 THEN 'scope_missing'
  WHEN ${isAppRefused(param)} THEN 'app_disabled' END`;

const CALLER_BY_KEY = preparedAtStart((orm, param: Param<KeyAsked>) =>
  orm
    .select({
      keyId: apiKeys.id,
      lastUsedAt: apiKeys.lastUsedAt,
      refusal: refusalOfKey(param).as('refusal'),
      ...connectionColumns,
    })
    .from(apiKeys)
    .innerJoin(apps, eq(apps.id, apiKeys.appId))
    .leftJoin(connections, currentConnectionOf(param('userId')))
    .where(eq(apiKeys.hash, param('keyHash'))),
);

const OWNER_BY_KEY = prepared((orm, param: Param<KeyAsked>) =>
  orm
    .select({ id: connections.id })
    .from(apiKeys)
    .innerJoin(apps, eq(apps.id, apiKeys.appId))
    .innerJoin(connections, currentConnectionOf(param('userId')))
    .where(and(eq(apiKeys.hash, param('keyHash')), sql`${refusalOfKey(param)} IS NULL`)),
);

/** A caller, and what was read of the user's body data together with the look-up. */
export type Found<Caller, Data> = { caller: Caller | undefined; data: Data | undefined };

/** Looks a caller up in one round trip with what a reader reads, if there is one. */
export const lookUpWith = <Row extends Pick<ConnectionRow, 'connectionId' | 'dataVersion'>, Values, Data>(
  db: Db,
  { caller, owner }: { caller: Prepared<Values, Row>; owner: Prepared<Values, unknown> },
  values: Values,
  reader: Reader<Data> | undefined,
): StoreResult<Found<Row, Data>> =>
  tryD1(db, async () => {
    if (reader === undefined) return { caller: await caller.first(db, values), data: undefined };
    const { held, of } = reader;
    const read = of(ownerFoundBy(owner.part(values), held));
    const [found, ...results] = await db.d1.batch([caller.bind(db, values), ...read.statements]);
    const row = caller.rowsOf(found)[0];
    const isRead =
      held === undefined || (row?.connectionId === held.connectionId && row.dataVersion !== held.dataVersion);
    return { caller: row, data: isRead ? read.of(results) : undefined };
  });

/**
 * Finds the key with this hash, and the user's current connection; undefined if there is no such key. It reads one row
 * of each of three tables, and one of the connections' index.
 */
export const callerByKey = async <Data>(
  db: Db,
  asked: KeyAsked,
  now: EpochMs,
  reader?: Reader<Data>,
): StoreResult<Found<KeyLookup, Data>> => {
  const found = await lookUpWith(db, { caller: CALLER_BY_KEY, owner: OWNER_BY_KEY }, asked, reader);
  if (!found.ok) return found;
  const { caller: row, data } = found.value;
  const caller = row && {
    keyId: row.keyId,
    refusal: row.refusal ?? undefined,
    useIsStale: isUseStale(row.lastUsedAt, now),
    connection: connectionOf(row),
  };
  return ok({ caller, data });
};

const refusalOfUser = (param: Param<Asked>) =>
  sql<Refusal | null>`CASE WHEN ${isAppRefused(param)} THEN 'app_disabled' END`;

const CALLER_BY_USER = prepared((orm, param: Param<Asked>) =>
  orm
    .select({ ...connectionColumns, refusal: refusalOfUser(param).as('refusal') })
    .from(apps)
    .leftJoin(connections, currentConnectionOf(param('userId')))
    .where(eq(apps.id, param('appId'))),
);

const OWNER_BY_USER = prepared((orm, param: Param<Asked>) =>
  orm
    .select({ id: connections.id })
    .from(apps)
    .innerJoin(connections, currentConnectionOf(param('userId')))
    .where(and(eq(apps.id, param('appId')), sql`${refusalOfUser(param)} IS NULL`)),
);

/** The current connection of an app's user, for a manager who needs no look-up. Undefined if there is no such app. */
export const callerByUser = async <Data>(
  db: Db,
  asked: Asked,
  reader?: Reader<Data>,
): StoreResult<Found<Pick<KeyLookup, 'refusal' | 'connection'>, Data>> => {
  const found = await lookUpWith(db, { caller: CALLER_BY_USER, owner: OWNER_BY_USER }, asked, reader);
  if (!found.ok) return found;
  const { caller: row, data } = found.value;
  return ok({ caller: row && { refusal: row.refusal ?? undefined, connection: connectionOf(row) }, data });
};

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
    stateReason: reauthReasonOf(row.stateReason),
    stateSince: row.stateSince ?? 0,
    timeZone: row.timeZone ?? 'UTC',
    dataVersion: row.dataVersion ?? 0,
    historyCompleteFrom: row.historyCompleteFrom ?? undefined,
  };
};
