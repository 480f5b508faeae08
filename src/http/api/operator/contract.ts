import * as z from 'zod';

import { instant } from '../schemas.ts';

/** The HTTP contract, for the broker's operator; and that it runs, for anybody. */

const check = z.enum(['ok', 'failing', 'unknown']);

/** What an answer of 200 says: the broker can serve. What fails beside that makes it worse, and is its operator's to mend. */
export const health = z.object({
  ok: z.literal(true),
  checks: z.object({
    database: check,
    migrations: check,
    /** KV, in which links under way are kept. */
    links: check,
    /** Whether there is every key that stored tokens need. */
    keyring: check,
    /** Whether something has been due for more than ten minutes without a tick. */
    cron: check,
  }),
});

const walk = z.object({
  started_at: instant,
  /** Connections with tokens, by the id of the key that seals them. */
  connections_by_key: z.record(z.string(), z.int()),
  /** Connections that were sealed anew. */
  resealed: z.int(),
  /** Connections whose tokens did not open under their own key: they have to be linked again. */
  broken: z.int(),
});

/** The keyring and how far its rotation is. Key ids only, never a key. */
export const keyring = z.object({
  current_key_id: z.string(),
  key_ids: z.array(z.string()),
  /** Key ids that stored tokens need and the ring lacks. Their connections pause until the key is back; nothing is lost. */
  missing_key_ids: z.array(z.string()),
  /** Whether everything is sealed under the current key and nothing signed with another can still be good: the others may be dropped. */
  settled: z.boolean(),
  /** The walk over all connections that is under way. */
  walk: walk.nullable(),
  last_walk: walk.extend({ finished_at: instant }).nullable(),
});

const reasonCounts = z.array(z.object({ reason: z.string(), count: z.int() }));

/** What an operator could have to mend. Counts stop at a thousand. */
export const operatorStatus = z.object({
  /** The broker's clock. */
  now: instant,
  cron: z.object({
    /** `late`: something has been due for more than ten minutes, or no tick came for more than an hour. `paused`: Withings asked to wait, or the cron's share is used up. */
    state: z.enum(['keeping_up', 'paused', 'late']),
    /** When a tick last noted that it came, once an hour; null where none ever did. */
    last_tick_noted_at: instant.nullable(),
    refreshes_due: z.int(),
    refreshes_in_doubt: z.int(),
    syncs_to_resume: z.int(),
    oldest_due_at: instant.nullable(),
  }),
  /** Refreshes that fail right now, by what happened last. */
  failing: reasonCounts,
  /** Connections whose persons have to come back, by reason. */
  lost: reasonCounts,
  keyring: z.object({ current_key_id: z.string(), missing_key_ids: z.array(z.string()), settled: z.boolean() }),
  /** What the operator was told of and is not over, oldest first. */
  alarms: z.array(z.object({ code: z.string(), since: instant, reason: z.string() })),
  /** What Withings says to the broker's own id and secret. */
  withings: z.enum(['accepted', 'rejected', 'unanswered']),
  migrations: z.object({ wanted: z.string(), applied: z.string().nullable() }),
});
