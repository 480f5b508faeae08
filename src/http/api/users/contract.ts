import * as z from 'zod';

import { revocations, timelineEvent } from '../connections/contract.ts';
import { cursorOf } from '../cursors/cursor.ts';
import { instant, nextCursor } from '../schemas.ts';

/** The HTTP contract of a user's export and erasure. */

export const erasure = z.object({
  complete: z
    .boolean()
    .describe(
      'False if a bounded part was done, or the authorization at Withings could not be revoked yet: send the same request again.',
    ),
  removed: z
    .object({
      connections: z.int().describe('Connections, to any Withings account.'),
      pending_connections: z.int().describe('Connections that waited to be confirmed.'),
      measurements: z.int().describe('Stored values.'),
      groups: z.int().describe('Groups of values, such as one weigh-in.'),
      sources: z.int().describe('Devices and other origins of values.'),
    })
    .describe('How much this request deleted.'),
  withings: revocations,
});

/** A page of everything that is stored about a user, without tokens. */
export const userExport = z.object({
  app_id: z.string().describe("The app's id."),
  user_id: z.string().describe("The app's own id for the user."),
  pending_since: instant.nullable().describe('Since when a connection waits to be confirmed. Null if none does.'),
  connections: z
    .array(
      z.object({
        withings_user_id: z.string().describe("Withings' id of the account."),
        current: z.boolean().describe("Whether this is the user's current connection."),
        demo: z.boolean().describe("Whether it was linked to Withings' demo account: its data is invented."),
        state: z
          .enum(['active', 'reauth_required', 'disconnected'])
          .describe('`reauth_required`: the user has to connect again. `disconnected`: the tokens are deleted.'),
        scopes: z.array(z.string()).describe("The scopes that the user granted, by Withings' names."),
        created_at: instant.describe('When the user connected first.'),
        last_sync_at: instant.nullable().describe('When the last sync ended well. Null before the first.'),
        timeline: z.array(timelineEvent).describe('What happened to the connection, newest first.'),
      }),
    )
    .describe('Every connection of the user, to any Withings account. The same on every page.'),
  groups: z
    .array(
      z.object({
        withings_user_id: z.string().describe("Withings' id of the account that the group is from."),
        group_id: z.int().describe("Withings' `grpid`."),
        measured_at: instant.describe("When it was measured, with the user's offset at that moment."),
        created_at: instant.describe('When Withings made the group, in UTC.'),
        modified_at: instant.describe('When Withings changed the group last, in UTC.'),
        ambiguous: z
          .boolean()
          .describe(
            "Whether it may be another person's. Such values are no metrics unless `include=ambiguous` is sent.",
          ),
        source: z
          .object({
            device: z.string().nullable().describe("The device's model. Null if Withings names none."),
            device_id: z.string().nullable().describe("Withings' hash of the device's id. Null if there is none."),
            attribution: z
              .string()
              .describe("How Withings attributed the group to the person: see a metric's `source`."),
            attribution_code: z.int().describe("Withings' `attrib`."),
          })
          .describe('Where the values are from.'),
        measurements: z
          .array(
            z.object({
              metric: z.string().describe('The name of the metric; `withings_` and its number for an unknown type.'),
              type: z.int().describe("Withings' measure type."),
              position: z.string().nullable().describe('The body segment. Null for the whole body.'),
              value: z.number().describe('The value in `unit`.'),
              unit: z.string().describe('The unit. Empty for a number without one.'),
            }),
          )
          .describe('The values of the group.'),
      }),
    )
    .describe('What was measured at one moment each, such as one weigh-in.'),
  next_cursor: nextCursor,
});

/** `<connection>.<group>` of the last one on a page. It refers only to rows of the exported user. */
export const exportCursor = cursorOf(
  (text) => {
    const [, connectionId, groupId] = /^(\d{1,16})\.(\d{1,16})$/.exec(text) ?? [];
    const place = { connectionId: Number(connectionId), groupId: Number(groupId) };
    return Object.values(place).every(Number.isSafeInteger) ? place : undefined;
  },
  ({ connectionId, groupId }) => `${connectionId}.${groupId}`,
);
export const exportQuery = z.strictObject({
  cursor: exportCursor.optional().describe('The `next_cursor` of the page before. Without it, the first page.'),
});
