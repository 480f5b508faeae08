import { and, asc, eq } from 'drizzle-orm';
import * as z from 'zod';

import type { AppId } from '../../domain/app-id.ts';
import type { RedirectUri } from '../../domain/app.ts';
import { REDIRECT_URI_WARNINGS, type RedirectUriWarning } from '../../domain/redirect-uri/registration.ts';
import { parseStoredList } from '../../domain/stored-json.ts';
import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, statement, type StoreResult, returnedRows } from '../d1.ts';
import { redirectUris } from '../schema/connections.ts';

/** The result of registering a URI. */
export type RegistrationOutcome = 'added' | 'present' | 'too_many';

/**
 * Registers a URI, unless it exists or the app has `most`. It is one statement, so that parallel registrations cannot
 * exceed the limit; raw SQL, because the builder inserts no select without a table. `alongside` follows in the same
 * transaction.
 */
export const addRedirectUri = (
  db: Db,
  appId: AppId,
  entry: { id: string; uri: string; warnings: readonly string[] },
  { most, now }: { most: number; now: EpochMs },
  alongside: D1PreparedStatement[],
): StoreResult<RegistrationOutcome> =>
  tryD1(db, async () => {
    const [found, inserted] = await db.d1.batch([
      statement(db, db.orm.select({ id: redirectUris.id }).from(redirectUris).where(isUri(appId, entry.uri))),
      db.d1
        .prepare(
          `INSERT INTO redirect_uris (app_id, id, uri, warnings, created_at)
           SELECT ?1, ?2, ?3, ?4, ?5 WHERE (SELECT count(*) FROM redirect_uris WHERE app_id = ?1) < ?6
           ON CONFLICT DO NOTHING
           RETURNING id`,
        )
        .bind(appId, entry.id, entry.uri, JSON.stringify(entry.warnings), now, most),
      ...alongside,
    ]);
    if (returnedRows(inserted) > 0) return 'added';
    return returnedRows(found) > 0 ? 'present' : 'too_many';
  });

const isUri = (appId: AppId, uri: string) => and(eq(redirectUris.appId, appId), eq(redirectUris.uri, uri));

const warning = z.enum(REDIRECT_URI_WARNINGS);

/** The stored warnings, without those of a newer version, which have no words here. */
export const warningsOf = (text: string): RedirectUriWarning[] => parseStoredList(warning, text) ?? [];

/** An app's registered URIs, in the order in which they were added. */
export const redirectUrisOf = (db: Db, appId: AppId): StoreResult<RedirectUri[]> =>
  tryD1(db, async () => {
    const rows = await db.orm
      .select()
      .from(redirectUris)
      .where(eq(redirectUris.appId, appId))
      .orderBy(asc(redirectUris.createdAt), asc(redirectUris.uri));
    return rows.map((row) => ({
      id: row.id,
      uri: row.uri,
      warnings: warningsOf(row.warnings),
      createdAt: row.createdAt,
    }));
  });

/**
 * Removes a URI, with `alongside`; false if the app has no such URI. Links that are under way then end on the broker's
 * own page.
 */
export const removeRedirectUri = (
  db: Db,
  appId: AppId,
  uri: string,
  alongside: D1PreparedStatement[],
): StoreResult<boolean> =>
  tryD1(db, async () => {
    const removal = db.orm.delete(redirectUris).where(isUri(appId, uri)).returning({ id: redirectUris.id });
    const [removed] = await db.d1.batch([statement(db, removal), ...alongside]);
    return returnedRows(removed) > 0;
  });
