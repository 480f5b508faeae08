import { and, eq, or, sql } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { App } from '../../domain/app.ts';
import type { Minter } from '../../domain/audit.ts';
import type { StorageFailure } from '../../domain/failure.ts';
import type { Result } from '../../domain/result.ts';
import { type EpochMs, SECOND_MS } from '../../domain/time.ts';
import { isMinterGone, type MinterParams, minterParams } from '../access/user-tokens.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { type Kv, readKv, writeKv } from '../kv.ts';
import { type Param, preparedAtStart } from '../prepared.ts';
import { apps, redirectUris } from '../schema/connections.ts';

/** What an authorization request is checked against. */
export type LinkTarget = Pick<
  App,
  'id' | 'linkPolicy' | 'allowLoopback' | 'historyOnConnect' | 'demoAccount' | 'disabledAt'
> & {
  /** The candidates that the app has registered; not looked up if the credential is gone. */
  registered: { id: string; uri: string }[];
  /** Whether the credential that the connect session was minted with has ended; false if there is no session. */
  isMinterGone: boolean;
};

/** The credential that a connect session was minted with, and when; undefined if there is no session. */
export type SessionMinter = { minter: Minter; now: EpochMs } | undefined;

const NO_MINTER: Minter = {};
const minterOf = (appId: AppId, session: SessionMinter): MinterParams =>
  minterParams(appId, session?.minter ?? NO_MINTER, session?.now ?? 0);

const targetColumns = {
  id: apps.id,
  linkPolicy: apps.linkPolicy,
  allowLoopback: apps.allowLoopback,
  historyOnConnect: apps.historyOnConnect,
  demoAccount: apps.demoAccount,
  disabledAt: apps.disabledAt,
  // Under another name: D1 answers a batch with objects, so two columns named `id` would collide.
  uriId: sql<string | null>`${redirectUris.id}`.as('uri_id'),
  uri: redirectUris.uri,
};

/** A string, and the same without its port. */
const MAX_CANDIDATES = 2;

const TARGET_BY_URIS = preparedAtStart((orm, param: Param<MinterParams & { uri: string; otherUri: string }>) =>
  orm
    .select({ ...targetColumns, isMinterGone: isMinterGone(param).as('is_minter_gone') })
    .from(apps)
    .leftJoin(
      redirectUris,
      and(
        sql`NOT ${isMinterGone(param)}`,
        eq(redirectUris.appId, apps.id),
        or(eq(redirectUris.uri, param('uri')), eq(redirectUris.uri, param('otherUri'))),
      ),
    )
    .where(eq(apps.id, param('appId')))
    .limit(MAX_CANDIDATES),
);

/** The app and the registered ones of one or two `candidates`, in one query; undefined if there is no such app. */
export const linkTarget = (
  db: Db,
  appId: AppId,
  [uri = '', otherUri = uri]: string[],
  session?: SessionMinter,
): StoreResult<LinkTarget | undefined> =>
  tryD1(db, async () => targetOf(await TARGET_BY_URIS.rows(db, { ...minterOf(appId, session), uri, otherUri })));

type TargetRow = Omit<LinkTarget, 'registered' | 'disabledAt' | 'isMinterGone'> & {
  isMinterGone: number;
  disabledAt: number | null;
  uriId: string | null;
  uri: string | null;
};

const targetOf = (rows: readonly TargetRow[]): LinkTarget | undefined => {
  const [app] = rows;
  if (app === undefined) return undefined;
  const { uriId: _, uri: __, ...rest } = app;
  return {
    ...rest,
    disabledAt: app.disabledAt ?? undefined,
    isMinterGone: app.isMinterGone === 1,
    registered: rows.flatMap(({ uriId, uri }) => (uriId === null || uri === null ? [] : [{ id: uriId, uri }])),
  };
};

const TARGET_BY_URI_ID = preparedAtStart((orm, param: Param<MinterParams & { redirectUriId: string }>) =>
  orm
    .select({ ...targetColumns, isMinterGone: isMinterGone(param).as('is_minter_gone') })
    .from(apps)
    .leftJoin(redirectUris, and(eq(redirectUris.appId, apps.id), eq(redirectUris.id, param('redirectUriId'))))
    .where(eq(apps.id, param('appId'))),
);

/** The statement that reads an app and its redirect URI with an id. */
export const targetStatement = (
  db: Db,
  appId: AppId,
  redirectUriId: string,
  session: SessionMinter,
): D1PreparedStatement => TARGET_BY_URI_ID.bind(db, { ...minterOf(appId, session), redirectUriId });

/** What the statement answered; undefined if there is no such app. */
export const targetOfStatement = (result: D1Result | undefined): LinkTarget | undefined =>
  targetOf(TARGET_BY_URI_ID.rowsOf(result));

/**
 * Stores a link's record under its `state`'s random id. KV is read only after this write, because it caches misses. It
 * may still miss for a while at another location, so a miss says nothing about the `state`.
 */
export const putLinkRecord = (
  kv: Kv,
  stateId: string,
  record: string,
  ttlSeconds: number,
): Promise<Result<void, StorageFailure>> => writeKv(kv, linkKey(stateId), record, ttlSeconds);

/** The record of a link; undefined if this location's KV does not have it (yet). */
export const linkRecord = (kv: Kv, stateId: string): Promise<Result<string | undefined, StorageFailure>> =>
  readKv(kv, linkKey(stateId));

/** The key is the broker's own random id, never a value of the caller. */
const linkKey = (stateId: string): string => `link:${stateId}`;

export const secondsUntil = (at: EpochMs, now: EpochMs): number => Math.ceil((at - now) / SECOND_MS);
