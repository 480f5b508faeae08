import * as z from 'zod';

import { packedCursorOf } from '../cursors/cursor.ts';
import { metricValue } from '../metrics/contract.ts';

/** The HTTP contract of the changes of all of an app's users. */

const MAX_CHANGES = 500;
const DEFAULT_CHANGES = 100;

/**
 * App, `since`, the place (a user or a number), and the unfinished connection. It contains nothing that the app cannot
 * read.
 */
export const changesCursor = packedCursorOf(
  z.tuple([
    z.string(),
    z.int().min(0),
    z.union([z.string(), z.int().min(0)]),
    z.tuple([z.int(), z.int(), z.boolean()]).nullable(),
  ]),
);

export const changesQuery = z.strictObject({
  cursor: changesCursor
    .optional()
    .describe('The `next_cursor` of the last answer, however old. Without it every user is read from the start.'),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_CHANGES)
    .default(DEFAULT_CHANGES)
    .describe('The most changes in one answer.'),
});

const changed = {
  user_id: z.string().describe("The app's own id for the user."),
  group_id: z.int().describe("Withings' `grpid`."),
};
export const changedGroup = z
  .object({
    ...changed,
    measurements: z
      .array(metricValue)
      .describe('What the group says now, in place of all that it said before. Derived values are not among them.'),
  })
  .describe('A group that is new or was changed.');
export const deletedGroup = z
  .object({ ...changed, deleted: z.literal(true).describe('Always true.') })
  .describe('A group that was deleted at Withings.');
const resetUser = z
  .object({
    user_id: changed.user_id,
    reset: z.literal(true).describe('Always true.'),
  })
  .describe('Delete all that is known of the user: what follows replaces it.');

export const changesPage = z.object({
  data: z.array(z.union([changedGroup, deletedGroup, resetUser])).describe('The changes, oldest first.'),
  next_cursor: z.string().describe('Keep it: the next call goes on from it.'),
  has_more: z.boolean().describe('Whether there is more to be read at once.'),
});
