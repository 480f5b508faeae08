import * as z from 'zod';

import type { Failure } from '../../domain/failure.ts';
import type { Result } from '../../domain/result.ts';
import { parseStored } from '../../domain/stored-json.ts';
import type { SyncResult } from '../../domain/sync.ts';

const retryAfterSeconds = z.number();

/** The failures that a sync can end with. A newer version may know others, which have no answer here. */
const failure = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['not_connected', 'sealing_key_missing']) }),
  z.object({
    kind: z.literal('reauth_required'),
    reason: z.enum(['refresh_token_rejected', 'access_token_rejected', 'insufficient_scope', 'seal_broken']),
  }),
  z.object({
    kind: z.enum(['refresh_in_progress', 'sync_in_progress', 'database_full', 'over_share']),
    retryAfterSeconds,
  }),
  z.object({ kind: z.literal('storage_unavailable'), store: z.enum(['d1', 'kv']), retryAfterSeconds }),
  z.object({ kind: z.literal('withings_unavailable'), cause: z.string(), retryAfterSeconds }),
]);

const outcome = z.discriminatedUnion('ok', [
  z.object({
    ok: z.literal(true),
    value: z.object({
      added: z.number(),
      changed: z.number(),
      removed: z.number(),
      skipped: z.number().default(0),
      complete: z.boolean(),
      historyCompleteFrom: z.number().optional(),
      syncedAt: z.number(),
    }),
  }),
  z.object({ ok: z.literal(false), failure }),
]);

/** `isUndelivered`: no app got the counts, because the broker began the sync by itself. */
export type LastSync = { endedAt: number; outcome: Result<SyncResult, Failure>; isUndelivered: boolean };

const lastSync = z
  .object({ endedAt: z.number(), outcome, isUntold: z.literal(true).optional() })
  .transform(({ isUntold = false, ...last }): LastSync => ({ ...last, isUndelivered: isUntold }));

/** The result of the last sync, for callers that waited for it; undefined if it is not readable. */
export const lastSyncOf = (text: string | null): LastSync | undefined => parseStored(lastSync, text);

/** What `lastSyncOf` reads. The stored name of `isUndelivered` is `isUntold`, which earlier versions read and write. */
export const lastSyncText = (last: { endedAt: number; outcome: unknown; isUndelivered: boolean }): string =>
  JSON.stringify({ endedAt: last.endedAt, outcome: last.outcome, ...(last.isUndelivered && { isUntold: true }) });
