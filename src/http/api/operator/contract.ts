import * as z from 'zod';

import { LOST_WITHIN_DAYS } from '../../../domain/activity.ts';
import { LATE_MS } from '../../../domain/alarm.ts';
import { MINUTE_MS } from '../../../domain/time.ts';
import { instant } from '../schemas.ts';

/** The HTTP contract for the operator, and of the public health check. */

const LATE = `more than ${LATE_MS / MINUTE_MS} minutes`;
const check = z.enum(['ok', 'failing', 'unknown']);

/** 200 means that the broker can serve. Other failing checks degrade service; they do not make it unavailable. */
export const health = z.object({
  ok: z.literal(true).describe('Always true: a broker that cannot serve answers 503.'),
  checks: z
    .object({
      database: check.describe('Whether D1 answers.'),
      migrations: check.describe('Whether all migrations of this version are applied.'),
      links: check.describe('Whether KV answers, in which links under way are kept.'),
      keyring: check.describe('Whether the keyring has every key that stored tokens need.'),
      cron: check.describe(`Failing if something has been due for ${LATE} without a tick.`),
    })
    .describe('`unknown` if it could not be found out. Alert on `failing` here too, not only on 503.'),
});

const walk = z.object({
  started_at: instant.describe('When the pass over all connections began.'),
  connections_by_key: z
    .record(z.string(), z.int())
    .describe('How many connections with tokens there are, by the id of the key that seals them.'),
  resealed: z.int().describe('Connections whose tokens were sealed again under the current key.'),
  broken: z
    .int()
    .describe('Connections whose tokens did not open under their own key: their users have to connect again.'),
});

const currentKeyId = z.string().describe('The id of the key that seals and signs.');
const missingKeyIds = z
  .array(z.string())
  .describe(
    'Ids of keys that stored tokens need and the keyring lacks. Their connections pause until the key is back.',
  );
const settled = z
  .boolean()
  .describe(
    'Whether other keys may be dropped: all tokens are sealed under the current key, and what other keys signed has expired. True if there is no other key and none is missing.',
  );

/** The keyring and the progress of its rotation. Key ids only, never a key. */
export const keyring = z.object({
  current_key_id: currentKeyId,
  key_ids: z.array(z.string()).describe('The ids of all keys of the keyring.'),
  missing_key_ids: missingKeyIds,
  settled,
  walk: walk.nullable().describe('The pass over all connections that is under way. Null if none is.'),
  last_walk: walk
    .extend({ finished_at: instant.describe('When the pass ended.') })
    .nullable()
    .describe('The last pass that was completed. Null before the first.'),
});

const reasonCounts = z.array(
  z.object({
    reason: z.string().describe('A stable word for the reason.'),
    count: z.int().describe('How many connections. Counts stop at a thousand.'),
  }),
);

export const operatorStatus = z.object({
  now: instant.describe("The broker's clock."),
  cron: z
    .object({
      state: z
        .enum(['keeping_up', 'paused', 'late'])
        .describe(
          `\`late\`: something has been due for ${LATE}, or no tick came for more than an hour. \`paused\`: Withings asked to wait, or the cron's share of requests is used up.`,
        ),
      last_tick_noted_at: instant
        .nullable()
        .describe('When a tick last noted that it came, which it does once an hour. Null if none ever did.'),
      refreshes_due: z.int().describe('Connections whose tokens should have been refreshed by now.'),
      refreshes_in_doubt: z.int().describe('Connections whose last refresh may have succeeded unseen.'),
      syncs_to_resume: z.int().describe('Connections whose history is still being read.'),
      oldest_due_at: instant.nullable().describe('Since when the oldest of them has been due. Null if nothing is.'),
    })
    .describe('Whether the cron keeps up. Counts stop at a thousand.'),
  failing: reasonCounts.describe('Connections whose refresh fails right now, by what failed last.'),
  lost: reasonCounts.describe(
    `Connections that were lost in the last ${LOST_WITHIN_DAYS} days and whose users have to connect again.`,
  ),
  keyring: z
    .object({ current_key_id: currentKeyId, missing_key_ids: missingKeyIds, settled })
    .describe('The keyring, in short.'),
  alarms: z
    .array(
      z.object({
        code: z.string().describe('The stable word to set alerts on, such as `cron_late`.'),
        since: instant.describe('When the alarm was raised.'),
        reason: z.string().describe('What was found, in English. It names numbers and key ids, never a person.'),
      }),
    )
    .describe('Alarms that were raised and are not over, oldest first.'),
  withings: z
    .enum(['accepted', 'rejected', 'unanswered'])
    .describe("What Withings says to the broker's own client id and secret."),
  migrations: z
    .object({
      wanted: z.string().describe('The last migration that this version needs.'),
      applied: z.string().nullable().describe('The last migration of the database. Null if there is none.'),
    })
    .describe('Whether the database is as this version needs it.'),
});
