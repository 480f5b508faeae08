import { and, asc, eq, sql } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { webhookEndpoints } from '../schema/webhooks.ts';

/** The sealed secrets of one endpoint. */
export type SealedSecrets = {
  appId: AppId;
  id: string;
  secretSealed: string;
  previousSecretSealed: string | undefined;
};

/** Endpoints after a key, ordered by key. */
export const sealedSecretsAfter = (
  db: Db,
  after: { appId: AppId; id: string },
  limit: number,
): StoreResult<SealedSecrets[]> =>
  tryD1(db, async () => {
    const rows = await db.orm
      .select({
        appId: webhookEndpoints.appId,
        id: webhookEndpoints.id,
        secretSealed: webhookEndpoints.secretSealed,
        previousSecretSealed: webhookEndpoints.previousSecretSealed,
      })
      .from(webhookEndpoints)
      .where(sql`(${webhookEndpoints.appId}, ${webhookEndpoints.id}) > (${after.appId}, ${after.id})`)
      .orderBy(asc(webhookEndpoints.appId), asc(webhookEndpoints.id))
      .limit(limit);
    return rows.map((row) => ({ ...row, previousSecretSealed: row.previousSecretSealed ?? undefined }));
  });

/** Replaces an endpoint's secrets, unless they changed since they were read: then the rotation wins. */
export const replaceSecret = (db: Db, before: SealedSecrets, after: SealedSecrets): StoreResult<void> =>
  tryD1(db, async () => {
    await db.orm
      .update(webhookEndpoints)
      .set({ secretSealed: after.secretSealed, previousSecretSealed: after.previousSecretSealed ?? null })
      .where(
        and(
          eq(webhookEndpoints.appId, before.appId),
          eq(webhookEndpoints.id, before.id),
          eq(webhookEndpoints.secretSealed, before.secretSealed),
        ),
      );
  });
