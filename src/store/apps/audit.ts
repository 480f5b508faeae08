import { and, desc, eq, sql } from 'drizzle-orm';
import * as z from 'zod';

import { asAppId } from '../../domain/app-id.ts';
import type { AuditDetail, AuditEntry, StoredAuditEntry } from '../../domain/audit.ts';
import { parseStored } from '../../domain/stored-json.ts';
import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult, changedRows, countChanges } from '../d1.ts';
import { auditEntries } from '../schema/management.ts';

/**
 * The statement that writes an audit entry. Put it directly after the change in the same batch: it inserts only if that
 * statement changed a row (`changes() > 0`). So no change is without its entry, and no entry without its change. If
 * several statements make one change, put it after each of them; it inserts once. Raw SQL: the builder inserts no
 * select without a table.
 *
 * @param options `always` inserts in any case; `changesAs` is the detail's name for the number of changed rows
 */
export const auditStatement = (
  db: Db,
  entry: AuditEntry,
  { always, changesAs }: { always: boolean; changesAs: string | undefined },
): D1PreparedStatement =>
  db.d1
    .prepare(
      `INSERT INTO audit_entries (app_id, at, id, actor, token_id, surface, action, subject, detail)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, CASE WHEN ?11 IS NULL THEN ?9 ELSE json_set(?9, '$.' || ?11, changes()) END
       WHERE changes() > 0 OR ?10
       ON CONFLICT DO NOTHING`,
    )
    .bind(
      entry.appId ?? entry.accountId ?? NOBODYS,
      entry.at,
      entry.id,
      entry.actor.id,
      entry.actor.tokenId ?? null,
      entry.actor.surface,
      entry.action,
      entry.subject,
      JSON.stringify(entry.detail),
      Number(always),
      changesAs ?? null,
    );

/** Writes an entry without a change. */
export const addAuditEntry = (db: Db, entry: D1PreparedStatement): StoreResult<void> =>
  tryD1(db, async () => {
    await entry.run();
  });

/**
 * Deletes the oldest entries, at most `most`, of those from before a time; returns how many. Raw SQL: the builder has
 * no row values.
 */
export const deleteAuditEntries = (db: Db, before: EpochMs, most: number): StoreResult<number> =>
  tryD1(db, async () => {
    const [, count] = await db.d1.batch([
      db.d1
        .prepare(
          `DELETE FROM audit_entries WHERE (app_id, at, id) IN
           (SELECT app_id, at, id FROM audit_entries WHERE at < ?1 ORDER BY at, id LIMIT ?2)`,
        )
        .bind(before, most),
      countChanges(db),
    ]);
    return changedRows(count);
  });

/** The last entry of the previous page. */
export type AuditPosition = { at: EpochMs; id: string };

/** After every possible entry. */
const THE_END: AuditPosition = { at: Number.MAX_SAFE_INTEGER, id: '' };

/** Entries, newest first: of one app, of one account, or all. */
export const auditEntriesBefore = (
  db: Db,
  of: string | undefined,
  before: AuditPosition = THE_END,
  limit: number,
): StoreResult<StoredAuditEntry[]> =>
  tryD1(db, async () => {
    const rows = await db.orm
      .select()
      .from(auditEntries)
      .where(
        and(
          of === undefined ? undefined : eq(auditEntries.appId, of),
          // One comparison of pairs, which the indexes answer by a seek.
          sql`(${auditEntries.at}, ${auditEntries.id}) < (${before.at}, ${before.id})`,
        ),
      )
      .orderBy(desc(auditEntries.at), desc(auditEntries.id))
      .limit(limit);
    return rows.map(entryOf);
  });

/** Changes that concern neither an app nor an account have the empty id. */
const NOBODYS = '';

const isAccountId = (id: string): boolean => id.startsWith('acct_');

const detail: z.ZodType<AuditDetail> = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean(), z.array(z.string()), z.null()]),
);

/** The new values of a change. If they cannot be read, the entry still says who changed what, and when. */
export const auditDetailOf = (text: string): AuditDetail => parseStored(detail, text) ?? {};

const entryOf = (row: typeof auditEntries.$inferSelect): StoredAuditEntry => ({
  id: row.id,
  at: row.at,
  actor: { id: row.actor, tokenId: row.tokenId ?? undefined, surface: row.surface },
  action: row.action,
  appId: row.appId === NOBODYS || isAccountId(row.appId) ? undefined : asAppId(row.appId),
  accountId: isAccountId(row.appId) ? row.appId : undefined,
  subject: row.subject,
  detail: auditDetailOf(row.detail),
});
