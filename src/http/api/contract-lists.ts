import * as z from 'zod';

import { instant } from './contract.ts';

/** The HTTP contract, about an app's users in a list. */

export const connectionState = z.enum(['pending', 'active', 'reauth_required', 'disconnected']);

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
