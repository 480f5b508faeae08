import { json, type Operation } from '../reference/operation.ts';
import * as contract from './contract.ts';
import { connectionList, connectionListQuery } from './contract.ts';

const SYNCED = {
  added: 9,
  changed: 0,
  removed: 0,
  skipped: 0,
  complete: true,
  history_complete_from: null,
  synced_at: '2026-06-15T12:00:00.000Z',
};
const SYNCED_SO_FAR = { ...SYNCED, added: 1200, complete: false, history_complete_from: '2025-11-02T07:12:00.000Z' };

/** A user's connection: sync, read, disconnect. */
export const CONNECTION_OPERATIONS: readonly Operation[] = [
  {
    id: 'sync',
    method: 'post',
    path: '/apps/{app_id}/withings/sync/{user_id}',
    tag: 'Connections',
    summary: 'Pull what is new from Withings',
    description:
      'Answers when it is stored. The broker pulls by itself when a user connects (`history_on_connect` of the app): a sync joins a pull that runs, and answers with what it brings. A first sync brings the newest measurements, then the past, back to the beginning. A long history is read in slices: 202 says that more is to come, by the next call or by the cron.',
    auth: { kind: 'app_key', scope: 'sync', userTokens: true },
    answers: [
      json(200, 'Everything is stored.', contract.syncResult, SYNCED),
      json(202, 'Stored so far; more is to come.', contract.syncResult, SYNCED_SO_FAR),
    ],
    problems: [
      'not_connected',
      'reauth_required',
      'withings_unavailable',
      'withings_share_used',
      'refresh_in_progress',
      'sync_in_progress',
      'sealing_key_missing',
      'database_full',
    ],
  },
  {
    id: 'getStatus',
    method: 'get',
    path: '/apps/{app_id}/withings/status/{user_id}',
    tag: 'Connections',
    summary: 'Whether the user is connected',
    description: 'Unknown users are not connected; that is not an error.',
    auth: { kind: 'app_key', scope: 'read', userTokens: true },
    answers: [json(200, 'Exactly that.', contract.status, { connected: true })],
  },
  {
    id: 'disconnect',
    method: 'delete',
    path: '/apps/{app_id}/withings/disconnect/{user_id}',
    tag: 'Connections',
    summary: "Forget the user's tokens",
    description:
      'Stored measurements stay. Again is no error. The authorization at Withings stays too, because it may serve another connection; `withdraw=true` ends it if none needs it.',
    auth: { kind: 'app_key', scope: 'sync', userTokens: true },
    query: contract.disconnectQuery,
    answers: [json(200, 'The user is not connected any more.', contract.disconnected, { connected: false })],
  },
  {
    id: 'listConnections',
    method: 'get',
    path: '/apps/{app_id}/withings/connections',
    tag: 'Connections',
    summary: "The app's users, by their connections",
    description:
      "For the app's backend and its managers. If the app is disabled, its keys are refused, and its managers are not.",
    auth: { kind: 'app_key', scope: 'read', userTokens: false },
    query: connectionListQuery,
    answers: [
      json(200, 'A page of users, in the order of their ids.', connectionList, {
        data: [
          {
            user_id: 'ada',
            user_hash: 'user_0123456789abcdef01234567',
            state: 'active',
            state_reason: null,
            state_since: '2026-06-01T08:00:00.000Z',
            last_sync_at: '2026-06-15T12:00:00.000Z',
            data_as_of: '2026-06-15T12:00:00.000Z',
            delivery: 'push' as const,
            last_push_at: '2026-06-15T11:59:58.000Z',
            demo: false,
            failing: null,
          },
        ],
        next_cursor: null,
      }),
    ],
  },
  {
    id: 'getConnection',
    method: 'get',
    path: '/apps/{app_id}/withings/connections/{user_id}',
    tag: 'Connections',
    summary: "The user's connection in full",
    description:
      'State and why, scopes, how data comes and as of when it is, next refresh, last failure, timeline. Never a token.',
    auth: { kind: 'app_key', scope: 'read', userTokens: false },
    answers: [
      json(200, 'The connection.', contract.connection, {
        user_id: 'ada',
        user_hash: 'user_0123456789abcdef01234567',
        state: 'active',
        state_reason: null,
        state_since: '2026-06-01T08:00:00.000Z',
        conflict: false,
        demo: false,
        pending_since: null,
        scopes: ['user.metrics'],
        created_at: '2026-06-01T08:00:00.000Z',
        last_sync_at: '2026-06-15T12:00:00.000Z',
        data_as_of: '2026-06-15T12:00:00.000Z',
        delivery: 'push' as const,
        last_push_at: '2026-06-15T11:59:58.000Z',
        history_complete_from: null,
        history: 'complete' as const,
        next_refresh_at: '2026-06-15T14:20:00.000Z',
        last_failure: { kind: 'timeout', at: '2026-06-10T03:00:00.000Z' },
        timeline: [{ kind: 'connected', at: '2026-06-01T08:00:00.000Z' }],
      }),
    ],
    problems: ['not_found'],
  },
];
