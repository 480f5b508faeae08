import * as z from 'zod';

import { APP_STATE_RULE, isAppState, MAX_APP_STATE } from '../../../domain/app-state.ts';
import { MAX_USER_ID_LENGTH } from '../../../domain/user-id.ts';
import { historyCompleteFrom, instant, nextCursor, redirectUriText, userId } from '../schemas.ts';

/** The HTTP contract of connections: linking, syncing, state and the list of an app's users. */

export const connectionState = z
  .enum(['pending', 'active', 'reauth_required', 'disconnected'])
  .describe(
    '`pending`: waits for the backend to confirm it. `active`: data can be pulled. `reauth_required`: the user has to connect again. `disconnected`: the tokens are deleted.',
  );

export const status = z.object({
  connected: z.boolean().describe('Whether the state of the connection is `active`. False for an unknown user.'),
});
export const disconnectQuery = z.strictObject({
  withdraw: z
    .enum(['true', 'false'])
    .optional()
    .describe(
      '`true`: also ends the authorization at Withings, of each account that the user is or was connected to, unless another connection of this broker holds that account. The answer says what became of it.',
    ),
});
/** What became of authorizations at Withings. */
export const revocations = z
  .object({
    revoked: z.int().describe('Authorizations that were revoked.'),
    kept: z.int().describe('Authorizations that another user is connected by, and which are therefore kept.'),
    failed: z
      .int()
      .describe(
        'Authorizations that could not be revoked, or that Withings does not know any more: the person can remove them at Withings.',
      ),
  })
  .describe('What became of the authorizations at Withings.');
export const disconnected = status.extend({
  withings: revocations
    .optional()
    .describe('Only with `withdraw=true`: what became of the authorizations at Withings.'),
});
export const userTokenRequest = z.strictObject({ user_id: userId });
export const userToken = z.object({
  token: z.string().describe('Send it as `Authorization: Bearer`. It is a JWT; do not rely on what is in it.'),
  expires_at: instant.describe('When the token is refused from. At most an hour from now.'),
});
/** How the browser arrives at Withings. */
export const linkAccount = z
  .literal('switch')
  .optional()
  .describe(
    '`switch` signs the browser out of Withings first, so that another person can sign in on the same device. Without it, who is signed in there is asked for consent.',
  );
export const connectSessionRequest = z.strictObject({
  user_id: userId,
  redirect_uri: redirectUriText.describe("One of the app's registered redirect URIs, compared byte for byte."),
  state: z
    .string()
    .max(MAX_APP_STATE)
    .refine(isAppState, APP_STATE_RULE)
    .optional()
    .describe(`Returned to the redirect URI as \`state\` with every ending. ${APP_STATE_RULE}`),
  account: linkAccount,
});
export const connectSession = z.object({
  auth_url: z.string().describe("Open it in the user's browser. It is good once."),
  expires_at: instant.describe('When the link is refused from.'),
});
export const confirmRequest = z.strictObject({
  ticket: z.string().max(200).describe('The `ticket` parameter of the redirect to the app. It is good once.'),
  user_id: userId.describe('The user who is signed in to the app where the ticket arrived.'),
});

export const syncResult = z.object({
  added: z
    .int()
    .describe(
      'Measurements that this sync stored and that were not stored before. One is one value of one metric: a weigh-in has up to 33. A BMI, which is computed when it is read, is none.',
    ),
  changed: z.int().describe('Measurements whose value, time or source changed at Withings.'),
  removed: z.int().describe('Measurements that were deleted at Withings, or are not in their group any more.'),
  skipped: z.int().describe('Measurements, groups and stretches of time that this sync could not read and left out.'),
  complete: z.boolean().describe('False while a long history is still being read: call again, or wait for the cron.'),
  history_complete_from: historyCompleteFrom,
  synced_at: instant.describe('When Withings was last asked.'),
});

export const timelineEvent = z.object({
  kind: z
    .string()
    .describe(
      '`connected`, `reconnected`, `refreshed`, `refresh_failed`, `reauth_required`, `synced` or `disconnected`. More may be added.',
    ),
  reason: z
    .string()
    .optional()
    .describe('A stable word for why, or how much a sync could not read (`skipped_3`). Absent if `kind` says it all.'),
  at: instant.describe('When it happened. Of an event that is repeated, the first time.'),
  until: instant.optional().describe('When it happened last, if more than once in a row.'),
  count: z.int().optional().describe('How often it happened in a row, if more than once.'),
});

const userHash = z
  .string()
  .describe(
    "The user's name in the log and in the audit trail, a keyed hash. It changes when another key of the keyring becomes the current one.",
  );
const stateReason = z
  .string()
  .nullable()
  .describe(
    'Why the state is `reauth_required`, such as `refresh_token_rejected`. Null in other states, and for a reason that this version does not know.',
  );
const demo = z
  .boolean()
  .describe(
    "Whether it was linked to Withings' demo account, by `demo_account` of the app: its data is invented, and no figure counts it.",
  );
const stateSince = instant.describe('When the connection came into its state.');
const lastSyncAt = instant.nullable().describe('When the last sync ended well. Null before the first.');

const historyProgress = z
  .enum(['unread', 'reading', 'partial', 'complete'])
  .describe(
    'How much of the history is stored. `unread`: nothing yet. `reading`: from `history_complete_from` on, and the broker reads the rest. `partial`: as much as `history_on_connect` of the app says; a requested sync reads the rest. `complete`: everything.',
  );

/** How fresh a connection's data is, and how it comes. */
const freshness = {
  data_as_of: instant
    .nullable()
    .describe(
      'Everything that was new at Withings by then is stored. Earlier than `last_sync_at` while a long history is read. Null before the first sync.',
    ),
  delivery: z
    .enum(['push', 'poll', 'on_request'])
    .nullable()
    .describe(
      'How data comes by itself. `push`: Withings notifies. `poll`: there is no verified subscription, and the cron asks daily. `on_request`: neither, so with `sync` or the next refresh. Null if the connection is not `active`.',
    ),
  last_push_at: instant
    .nullable()
    .describe(
      "When the last push of Withings came that was synced, about this user's Withings account. Null before the first.",
    ),
};

export const connection = z.object({
  user_id: z.string().describe("The app's own id for the user."),
  user_hash: userHash,
  state: connectionState,
  state_reason: stateReason,
  state_since: stateSince,
  conflict: z
    .boolean()
    .describe(
      'Whether another user of the app is connected to the same Withings account: one of them is not that person.',
    ),
  demo,
  pending_since: instant
    .nullable()
    .describe('Since when a connection waits to be confirmed, beside the one described here or instead of it.'),
  scopes: z.array(z.string()).describe("The scopes that the user granted, by Withings' names."),
  created_at: instant.nullable().describe('When the user connected first. Null if only a pending connection exists.'),
  last_sync_at: lastSyncAt,
  ...freshness,
  history_complete_from: historyCompleteFrom,
  history: historyProgress,
  next_refresh_at: instant.nullable().describe('When the tokens are refreshed next. Null without tokens.'),
  last_failure: z
    .object({
      kind: z.string().describe('A stable word for what failed, such as `timeout` or `throttled`.'),
      at: instant.describe('When it failed.'),
    })
    .nullable()
    .describe('The last failure of a refresh or a sync, also if it went well since. Null if there never was one.'),
  timeline: z.array(timelineEvent).describe('What happened to the connection, newest first.'),
});

export const connectionListQuery = z.strictObject({
  state: connectionState
    .optional()
    .describe(
      'Only users in this state. A user whose new connection waits beside a current one is listed under both states.',
    ),
  failing: z
    .enum(['true', 'false'])
    .optional()
    .describe('`true`: only connected users whose last sync or refresh failed, also those by the cron.'),
  search: z.string().max(MAX_USER_ID_LENGTH).optional().describe('Only users whose id begins with this text.'),
  cursor: z.string().max(500).optional().describe('The `next_cursor` of the page before. Without it, the first page.'),
});

export const listedConnection = z.object({
  user_id: z.string().describe("The app's own id for the user."),
  user_hash: userHash,
  state: connectionState,
  state_reason: stateReason,
  state_since: stateSince,
  last_sync_at: lastSyncAt,
  ...freshness,
  demo,
  failing: z
    .string()
    .nullable()
    .describe(
      'Why the last sync or refresh failed, also one by the cron: a stable word, such as `timeout`. Null if it went well or if the user is not connected.',
    ),
});
export const connectionList = z.object({
  data: z.array(listedConnection).describe('The users, in the order of their ids.'),
  next_cursor: nextCursor,
});
