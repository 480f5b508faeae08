import * as z from 'zod';

import { packedCursorOf } from '../cursor.ts';
import { metricValue } from '../metrics/contract.ts';

/** The HTTP contract, about the changes of all of an app's users. */

const MAX_CHANGES = 500;
const DEFAULT_CHANGES = 100;

/** App, `since`, the place (a user or a number), and the unfinished connection. It names nothing but what the app may read anyway. */
export const changesCursor = packedCursorOf(
  z.tuple([
    z.string(),
    z.int().min(0),
    z.union([z.string(), z.int().min(0)]),
    z.tuple([z.int(), z.int(), z.boolean()]).nullable(),
  ]),
);

export const changesQuery = z.object({
  /** The `next_cursor` of the last answer. Without one every user is read from the start. */
  cursor: changesCursor.optional(),
  limit: z.coerce.number().int().min(1).max(MAX_CHANGES).default(DEFAULT_CHANGES),
});

/** What a group says now, in place of all that it said. Derived values are not among it: they follow from the others. */
const changedGroup = z.object({
  user_id: z.string(),
  /** Withings' `grpid`. */
  group_id: z.int(),
  measurements: z.array(metricValue),
});
const deletedGroup = z.object({ user_id: z.string(), group_id: z.int(), deleted: z.literal(true) });
/** All that is known of the user makes way for what follows. */
const resetUser = z.object({ user_id: z.string(), reset: z.literal(true) });

export const changesPage = z.object({
  data: z.array(z.union([changedGroup, deletedGroup, resetUser])),
  /** To be kept: the next call goes on there. */
  next_cursor: z.string(),
  /** Whether there is more to be read at once. */
  has_more: z.boolean(),
});
