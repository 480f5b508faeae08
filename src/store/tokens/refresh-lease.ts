import { and, eq, inArray, isNull, type SQL, sql } from 'drizzle-orm';

import type { ConnectionId } from '../../domain/connection-id.ts';
import type { StoredTokens } from '../../domain/connection.ts';
import type { EpochMs } from '../../domain/time.ts';
import { type Db, type StoreResult, tryD1, tryD1Idempotent } from '../d1.ts';
import { type Param, prepared } from '../prepared.ts';
import { apps, connections } from '../schema/connections.ts';
import { tokenColumns, tokensOfRow } from './token-row.ts';
import type { Condition } from './withings-quota.ts';

/** The right to refresh one connection, until it is returned or ends. */
export type RefreshLease = { id: string; takenAt: EpochMs; until: EpochMs };

/** A connection to refresh, and the version of its tokens that was read. */
export type ToRefresh = Pick<StoredTokens, 'connectionId' | 'appId' | 'tokenVersion'>;

/** The cron takes a lease only if the connection is still due at this time. A sync (undefined) takes it at any time. */
type DueBy = EpochMs | undefined;

/** Writes SQL for the builder (`sql`) or as text (`String.raw`). */
type Tag<Sql> = (strings: TemplateStringsArray, ...places: Sql[]) => Sql;

/** No lease is an hour long: the clock of the isolate that took it was ahead. */
const isFree = <Sql>(tag: Tag<Sql>, now: Sql): Sql =>
  tag`(refresh_lease_until IS NULL OR refresh_lease_until <= ${now} OR refresh_lease_until > ${now} + 3600000)`;

type Places<Sql> = Record<'now' | 'connectionId' | 'tokenVersion' | 'leaseId' | 'dueBy', Sql>;

/** Whether a lease may be taken. This call may already have taken it, if its first answer was lost. */
const mayLease = <Sql>(tag: Tag<Sql>, { now, connectionId, tokenVersion, leaseId, dueBy }: Places<Sql>): Sql =>
  tag`id = ${connectionId} AND token_version = ${tokenVersion} AND state = 'active'
    AND (refresh_lease_id = ${leaseId} OR (${isFree(tag, now)} AND (${dueBy} IS NULL OR next_refresh_at <= ${dueBy})))`;

type LeaseValues = RefreshLease & { connectionId: ConnectionId; tokenVersion: number; dueBy: EpochMs | null };

const leaseColumns = (param: Param<LeaseValues>) => ({
  refreshLeaseId: param('id'),
  refreshLeaseUntil: param('until'),
  nextRefreshAt: param('until'),
  inDoubtSince: sql<number>`coalesce(${connections.inDoubtSince}, ${param('takenAt')})`,
});

const TAKE_LEASE = prepared((orm, param: Param<LeaseValues>) => {
  const [now, connectionId, tokenVersion] = [param('takenAt'), param('connectionId'), param('tokenVersion')];
  return orm
    .update(connections)
    .set(leaseColumns(param))
    .where(mayLease<SQL>(sql, { now, connectionId, tokenVersion, leaseId: param('id'), dueBy: param('dueBy') }))
    .returning(tokenColumns);
});

/**
 * Takes the lease of an active connection, unless it is held or the tokens were replaced, and marks the connection as
 * in doubt. The holder sends at once, so a holder that is killed leaves only what it sent in doubt. The connection is
 * due again when the lease ends, ahead of connections that are not in doubt. So a refresh in doubt is retried while the
 * old refresh token still lives.
 *
 * The race that remains: Withings carries out a request after its lease ended and the next holder has sent its own. The
 * stored pair is then not the newest. A refresh after a doubt is followed by another within the 8 hours, which fixes
 * that.
 */
export const takeLease = (db: Db, toRefresh: ToRefresh, lease: RefreshLease): StoreResult<StoredTokens | undefined> =>
  tryD1Idempotent(db, async () => {
    const row = await TAKE_LEASE.first(db, { ...lease, ...toRefresh, dueBy: null });
    return row === undefined ? undefined : tokensOfRow(row);
  });

/** The condition on which a share grants a request for a refresh: its lease may be taken. */
export const mayBegin = ({ connectionId, tokenVersion }: ToRefresh, lease: RefreshLease, dueBy: DueBy): Condition => ({
  sql: `EXISTS (SELECT 1 FROM connections WHERE ${mayLease<string>(String.raw, { now: '?1', connectionId: '?10', tokenVersion: '?11', leaseId: '?12', dueBy: '?13' })})`,
  values: [connectionId, tokenVersion, lease.id, dueBy ?? null],
});

const TAKE_METERED_LEASE = prepared((orm, param: Param<LeaseValues>) =>
  orm
    .update(connections)
    .set(leaseColumns(param))
    // After the statement that takes the request, whose condition is `mayBegin`.
    .where(and(eq(connections.id, param('connectionId')), sql`changes() > 0`))
    .returning(tokenColumns),
);

/**
 * As `takeLease`, after the statement that takes the request to Withings, and only if it was granted. The second
 * statement reads whether the lease may be taken.
 */
export const leaseStatements = (
  db: Db,
  toRefresh: ToRefresh,
  lease: RefreshLease,
  dueBy: DueBy,
): [D1PreparedStatement, D1PreparedStatement] => [
  TAKE_METERED_LEASE.bind(db, { ...lease, ...toRefresh, dueBy: dueBy ?? null }),
  db.d1
    .prepare(
      `SELECT 1 FROM connections WHERE ${mayLease<string>(String.raw, { now: '?1', connectionId: '?2', tokenVersion: '?3', leaseId: '?4', dueBy: '?5' })}`,
    )
    .bind(lease.takenAt, toRefresh.connectionId, toRefresh.tokenVersion, lease.id, dueBy ?? null),
];

/** The results of `leaseStatements`: the tokens as they were when the lease was taken, and whether it may be taken. */
export const leaseIn = ([taken, look]: readonly D1Result[]): { tokens: StoredTokens | undefined; isFree: boolean } => {
  const [row] = TAKE_METERED_LEASE.rowsOf(taken);
  return { tokens: row && tokensOfRow(row), isFree: (look?.results.length ?? 0) > 0 };
};

/** A connection that is due. */
export type DueConnection = ToRefresh & { appDisabled: boolean; isInDoubt: boolean };

const DUE = prepared((orm, param: Param<{ now: EpochMs; limit: number }>) => {
  const dueIn = (queue: SQL) => sql`SELECT id FROM (SELECT id FROM ${connections}
    WHERE ${queue} AND next_refresh_at <= ${param('now')} AND ${isFree<SQL>(sql, param('now'))}
    ORDER BY next_refresh_at LIMIT ${param('limit')})`;
  const due = sql`${dueIn(sql`in_doubt_since IS NOT NULL`)} UNION ALL ${dueIn(sql`in_doubt_since IS NULL`)} LIMIT ${param('limit')}`;
  return orm
    .select({
      connectionId: connections.id,
      appId: connections.appId,
      tokenVersion: connections.tokenVersion,
      isInDoubt: sql<number>`${connections.inDoubtSince} IS NOT NULL`,
      appDisabled: sql<number>`coalesce((SELECT disabled_at IS NOT NULL FROM ${apps} WHERE ${apps.id} = ${connections.appId}), 1)`,
    })
    .from(connections)
    .where(sql`${connections.id} IN (${due})`)
    .orderBy(sql`${connections.inDoubtSince} IS NULL`, connections.nextRefreshAt);
});

/** Connections in doubt, then those due longest. Takes no lease: each is taken when its refresh is sent. */
export const dueConnections = (db: Db, now: EpochMs, limit: number): StoreResult<DueConnection[]> =>
  tryD1(db, async () => {
    const rows = await DUE.rows(db, { now, limit });
    return rows.map((row) => ({ ...row, isInDoubt: row.isInDoubt === 1, appDisabled: row.appDisabled === 1 }));
  });

/** Postpones connections, unless a refresh of one is under way or in doubt. */
export const postponeRefreshes = (
  db: Db,
  connectionIds: readonly ConnectionId[],
  nextRefreshAt: EpochMs,
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    await db.orm
      .update(connections)
      .set({ nextRefreshAt })
      .where(
        and(
          inArray(connections.id, sql`(SELECT value FROM json_each(${JSON.stringify(connectionIds)}))`),
          eq(connections.state, 'active'),
          isNull(connections.inDoubtSince),
        ),
      );
  });

export const noLease = { refreshLeaseId: null, refreshLeaseUntil: null };

/** Clears the doubt that this lease set. An older doubt stays. */
export const clearDoubt = (param: Param<RefreshLease>) =>
  sql<number>`nullif(${connections.inDoubtSince}, ${param('takenAt')})`;

const RELEASE_LEASE = prepared(
  (orm, param: Param<RefreshLease & { connectionId: ConnectionId; nextRefreshAt: EpochMs }>) =>
    orm
      .update(connections)
      .set({ ...noLease, nextRefreshAt: param('nextRefreshAt'), inDoubtSince: clearDoubt(param) })
      .where(
        and(
          eq(connections.id, param('connectionId')),
          eq(connections.refreshLeaseId, param('id')),
          eq(connections.state, 'active'),
        ),
      ),
);

/** Releases a lease under which no request was sent that may have taken effect. */
export const releaseRefreshLease = (
  db: Db,
  connectionId: ConnectionId,
  lease: RefreshLease,
  nextRefreshAt: EpochMs,
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    await RELEASE_LEASE.bind(db, { ...lease, connectionId, nextRefreshAt }).run();
  });

const DROP_LEASE = prepared((orm, param: Param<{ connectionId: ConnectionId; id: string }>) =>
  orm
    .update(connections)
    .set(noLease)
    .where(and(eq(connections.id, param('connectionId')), eq(connections.refreshLeaseId, param('id')))),
);

/** Drops the lease of a holder whose connection was disconnected or reconnected. The holder may write nothing else. */
export const dropLease = (db: Db, connectionId: ConnectionId, { id }: RefreshLease): StoreResult<void> =>
  tryD1(db, async () => {
    await DROP_LEASE.bind(db, { connectionId, id }).run();
  });
