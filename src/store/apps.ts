import { asc, eq, gt, sql } from 'drizzle-orm';

import type { App, LinkPolicy, SharedAccounts } from '../domain/app.ts';
import { attempt, type Db, statement, type Stored } from './d1.ts';
import { apps } from './schema.ts';

/** Stores a new app, in one transaction with `alongside`. */
export const addApp = (db: Db, app: App, alongside: D1PreparedStatement[]): Stored<void> =>
  attempt(db, async () => {
    const added = db.orm.insert(apps).values({ ...app, disabledAt: app.disabledAt ?? null });
    await db.d1.batch([statement(db, added), ...alongside]);
  });

/** The app with this id; undefined where there is none. */
export const appById = (db: Db, appId: string): Stored<App | undefined> =>
  attempt(db, async () => {
    const row = await db.orm.select().from(apps).where(eq(apps.id, appId)).get();
    return row === undefined ? undefined : appOf(row);
  });

/** Apps in the order of their ids, after one of them. */
export const appsAfter = (db: Db, afterId: string, limit: number): Stored<App[]> =>
  attempt(db, async () => {
    const rows = await db.orm.select().from(apps).where(gt(apps.id, afterId)).orderBy(asc(apps.id)).limit(limit);
    return rows.map(appOf);
  });

/** What a developer may change about an app; what is absent stays. */
export type AppChanges = {
  name?: string | undefined;
  linkPolicy?: LinkPolicy | undefined;
  allowLoopback?: boolean | undefined;
  refuseBrowserKeys?: boolean | undefined;
  sharedAccounts?: SharedAccounts | undefined;
  /** A time to disable it, null to enable it. */
  disabledAt?: number | null | undefined;
};

/**
 * Changes an app, in one transaction with `alongside`; undefined where there is none. Disabling one that is disabled keeps the first time.
 */
export const changeApp = (
  db: Db,
  appId: string,
  { disabledAt, ...changes }: AppChanges,
  alongside: D1PreparedStatement[],
): Stored<App | undefined> =>
  attempt(db, async () => {
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
      .where(eq(apps.id, appId));
    await db.d1.batch([statement(db, change), ...alongside]);
    const row = await db.orm.select().from(apps).where(eq(apps.id, appId)).get();
    return row === undefined ? undefined : appOf(row);
  });

const appOf = (row: typeof apps.$inferSelect): App => ({
  id: row.id,
  name: row.name,
  linkPolicy: row.linkPolicy,
  allowLoopback: row.allowLoopback,
  refuseBrowserKeys: row.refuseBrowserKeys,
  sharedAccounts: row.sharedAccounts,
  disabledAt: row.disabledAt ?? undefined,
  createdAt: row.createdAt,
});
