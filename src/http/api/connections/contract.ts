import * as z from 'zod';

import { instant, redirectUriText, userId } from '../schemas.ts';

/** The HTTP contract of connections: linking, syncing, state and the list of an app's users. */

export const connectionState = z.enum(['pending', 'active', 'reauth_required', 'disconnected']);

export const status = z.object({ connected: z.boolean() });
export const userTokenRequest = z.strictObject({ user_id: userId });
export const userToken = z.object({ token: z.string(), expires_at: instant });
export const connectSessionRequest = z.strictObject({ user_id: userId, redirect_uri: redirectUriText });
export const connectSession = z.object({ auth_url: z.string(), expires_at: instant });
export const confirmRequest = z.strictObject({ ticket: z.string().max(200), user_id: userId });

/** Counts are of measurements: one value of one metric at one moment. A weigh-in has up to 33, and a BMI, which is not stored, is none. */
export const syncResult = z.object({
  added: z.int().describe('Measurements stored that were not there before.'),
  changed: z.int().describe('Measurements whose value, moment or source is another one now.'),
  removed: z.int().describe('Measurements that Withings has no more: their group was deleted, or lost this value.'),
  /** False while a long history is still being read: call again, or wait for the cron. */
  complete: z.boolean(),
  synced_at: instant,
});

export const timelineEvent = z.object({
  kind: z.string(),
  reason: z.string().optional(),
  at: instant,
  until: instant.optional(),
  count: z.int().optional(),
});

export const connection = z.object({
  user_id: z.string(),
  /** How the log and the audit trail name the user. */
  user_hash: z.string(),
  state: connectionState,
  state_reason: z.string().nullable(),
  state_since: instant,
  /** Whether another user of the app is connected to the same Withings account: one of the two is not that person. */
  conflict: z.boolean(),
  /** Since when a connection waits for its confirmation, beside the one described here or instead of it. */
  pending_since: instant.nullable(),
  scopes: z.array(z.string()),
  created_at: instant.nullable(),
  last_sync_at: instant.nullable(),
  next_refresh_at: instant.nullable(),
  last_failure: z.object({ kind: z.string(), at: instant }).nullable(),
  timeline: z.array(timelineEvent),
});

export const connectionListQuery = z.object({
  /** Those in one state; absent, everybody. Who waits for a confirmation beside a current connection is listed by that connection, and under `pending`. */
  state: connectionState.optional(),
  /** Those whose id begins so. */
  search: z.string().max(128).optional(),
  cursor: z.string().max(500).optional(),
});

export const listedConnection = z.object({
  user_id: z.string(),
  /** How the log and the audit trail name the user; another word once another key of the keyring becomes the current one. */
  user_hash: z.string(),
  state: connectionState,
  state_reason: z.string().nullable(),
  state_since: instant,
  last_sync_at: instant.nullable(),
});
export const connectionList = z.object({ data: z.array(listedConnection), next_cursor: z.string().nullable() });
