import * as z from 'zod';

import { timelineEvent } from '../connections/contract.ts';
import { cursorOf } from '../cursor.ts';
import { instant } from '../schemas.ts';

/** The HTTP contract, about a user as a whole: exported, and erased. */

/** What an erasure removed. */
export const erasure = z.object({
  /** False where a bounded part was done: send the same request again. */
  complete: z.boolean(),
  removed: z.object({
    connections: z.int(),
    pending_connections: z.int(),
    measurements: z.int(),
    groups: z.int(),
    sources: z.int(),
  }),
  /** Authorizations at Withings: revoked, kept because another user is connected by them, or not revoked although they should be. */
  withings: z.object({ revoked: z.int(), kept: z.int(), failed: z.int() }),
});

/** A page of all that is stored about a user, tokens aside. */
export const userExport = z.object({
  app_id: z.string(),
  user_id: z.string(),
  pending_since: instant.nullable(),
  connections: z.array(
    z.object({
      withings_user_id: z.string(),
      current: z.boolean(),
      state: z.enum(['active', 'reauth_required', 'disconnected']),
      scopes: z.array(z.string()),
      created_at: instant,
      last_sync_at: instant.nullable(),
      timeline: z.array(timelineEvent),
    }),
  ),
  groups: z.array(
    z.object({
      withings_user_id: z.string(),
      /** Withings' `grpid`. */
      group_id: z.int(),
      measured_at: instant,
      created_at: instant,
      modified_at: instant,
      /** Whether it may be somebody else's: such values are not served as metrics unless asked for. */
      ambiguous: z.boolean(),
      source: z.object({
        device: z.string().nullable(),
        device_id: z.string().nullable(),
        attribution: z.string(),
        attribution_code: z.int().describe("Withings' `attrib`."),
      }),
      measurements: z.array(
        z.object({
          metric: z.string(),
          type: z.int(),
          position: z.string().nullable(),
          value: z.number(),
          unit: z.string(),
        }),
      ),
    }),
  ),
  next_cursor: z.string().nullable(),
});

/** `<connection>.<group>` of the last one on a page. It names rows of the user who is exported, and of nobody else. */
export const exportCursor = cursorOf(
  (text) => {
    const [, connectionId, groupId] = /^(\d{1,16})\.(\d{1,16})$/.exec(text) ?? [];
    const place = { connectionId: Number(connectionId), groupId: Number(groupId) };
    return Object.values(place).every(Number.isSafeInteger) ? place : undefined;
  },
  ({ connectionId, groupId }) => `${connectionId}.${groupId}`,
);
export const exportQuery = z.object({ cursor: exportCursor.optional() });
