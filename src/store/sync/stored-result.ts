import * as z from 'zod';

import type { Failure } from '../../domain/failure.ts';
import type { Result } from '../../domain/result.ts';
import { parseStored } from '../../domain/stored-json.ts';
import type { SyncResult } from '../../domain/sync.ts';

/** The failures that a sync can end with. A newer version may know others, which have no answer here. */
const FAILURE_KINDS = [
  'not_connected',
  'reauth_required',
  'refresh_in_progress',
  'sync_in_progress',
  'sealing_key_missing',
  'storage_unavailable',
  'database_full',
  'withings_unavailable',
  'over_share',
] as const satisfies Failure['kind'][];

const outcome = z.discriminatedUnion('ok', [
  z.looseObject({
    ok: z.literal(true),
    value: z.looseObject({
      added: z.number(),
      changed: z.number(),
      removed: z.number(),
      skipped: z.number().default(0),
      complete: z.boolean(),
      historyCompleteFrom: z.number().optional(),
      syncedAt: z.number(),
    }),
  }),
  z.looseObject({ ok: z.literal(false), failure: z.looseObject({ kind: z.enum(FAILURE_KINDS) }) }),
]);

/** `isUntold`: no app has had the counts, because the broker began the sync by itself. */
export type LastSync = { endedAt: number; outcome: Result<SyncResult, Failure>; isUntold?: true };

const lastSync = z.looseObject({
  endedAt: z.number(),
  outcome,
  isUntold: z.literal(true).optional(),
}) as unknown as z.ZodType<LastSync>;

/** The result of the last sync, for callers that waited for it; undefined if it is not readable. */
export const lastSyncOf = (text: string | null): LastSync | undefined => parseStored(lastSync, text);
