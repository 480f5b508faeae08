import { and, asc, eq, gt, sql } from 'drizzle-orm';

import { asAppId, type AppId } from '../../domain/app-id.ts';
import { type App, APP_SETTINGS, type AppSettings } from '../../domain/app.ts';
import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, statement, type StoreResult, returnedRows } from '../d1.ts';
import { apps } from '../schema/connections.ts';

/** Stores a new app, in one transaction with `alongside`. */
export const addApp = (db: Db, app: App, alongside: D1PreparedStatement[]): StoreResult<void> =>
  tryD1(db, async () => {
    const added = db.orm
      .insert(apps)
      .values({ ...app, accountId: app.accountId ?? null, disabledAt: app.disabledAt ?? null });
    await db.d1.batch([statement(db, added), ...alongside]);
  });

/** Returns undefined if no app has this id. */
export const appById = (db: Db, appId: AppId): StoreResult<App | undefined> =>
  tryD1(db, async () => {
    const row = await db.orm.select().from(apps).where(eq(apps.id, appId)).get();
    return row && appOf(row);
  });

/** Apps in the order of their ids, after one of them: those of one account, or all. */
export const appsAfter = (db: Db, accountId: string | undefined, afterId: string, limit: number): StoreResult<App[]> =>
  tryD1(db, async () => {
    const owned = accountId === undefined ? undefined : eq(apps.accountId, accountId);
    const rows = await db.orm
      .select()
      .from(apps)
      .where(and(owned, gt(apps.id, asAppId(afterId))))
      .orderBy(asc(apps.id))
      .limit(limit);
    return rows.map(appOf);
  });

/** `disabledAt`: a time to disable it, null to enable it. */
export type AppChanges = AppSettings & { disabledAt?: EpochMs | null | undefined };

/**
 * Changes an app, in one transaction with `alongside`; undefined if there is none. Disabling a disabled app keeps the
 * first time.
 *
 * @param unchangedSince the app as it was read: if it differs now, nothing changes and the answer is `changed`
 */
export const changeApp = (
  db: Db,
  appId: AppId,
  { disabledAt, ...changes }: AppChanges,
  unchangedSince: App | undefined,
  alongside: D1PreparedStatement[],
): StoreResult<App | 'changed' | undefined> =>
  tryD1(db, async () => {
    const change = db.orm
      .update(apps)
      .set({
        // A statement must set something; an id set to itself changes nothing.
        id: appId,
        ...changes,
        ...(disabledAt === null && { disabledAt: null }),
        ...(typeof disabledAt === 'number' && {
          disabledAt: sql`coalesce(${apps.disabledAt}, ${disabledAt})`,
        }),
      })
      .where(unchangedSince === undefined ? eq(apps.id, appId) : isStill(unchangedSince))
      .returning({ id: apps.id });
    const [done] = await db.d1.batch([statement(db, change), ...alongside]);
    const row = await db.orm.select().from(apps).where(eq(apps.id, appId)).get();
    if (row !== undefined && unchangedSince !== undefined && returnedRows(done) === 0) return 'changed';
    return row === undefined ? undefined : appOf(row);
  });

/**
 * All changeable fields, compared in the statement that changes them, so that no other change comes between reading and
 * writing.
 */
const isStill = (app: App) =>
  and(
    eq(apps.id, app.id),
    ...APP_SETTINGS.map((setting) => eq(apps[setting], app[setting])),
    sql`${apps.disabledAt} IS ${app.disabledAt ?? null}`,
  );

export const appOf = (row: typeof apps.$inferSelect): App => ({
  id: row.id,
  name: row.name,
  accountId: row.accountId ?? undefined,
  linkPolicy: row.linkPolicy,
  allowLoopback: row.allowLoopback,
  refuseBrowserKeys: row.refuseBrowserKeys,
  sharedAccounts: row.sharedAccounts,
  historyOnConnect: row.historyOnConnect,
  demoAccount: row.demoAccount,
  disabledAt: row.disabledAt ?? undefined,
  createdAt: row.createdAt,
});
