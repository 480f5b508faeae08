import { json, type Operation } from '../reference/operation.ts';
import * as users from './contract.ts';

const ERASED = {
  complete: true,
  removed: { connections: 1, pending_connections: 0, measurements: 1240, groups: 160, sources: 2 },
  withings: { revoked: 1, kept: 0, failed: 0 },
};

/** A user's export and erasure. */
export const USER_OPERATIONS: readonly Operation[] = [
  {
    id: 'exportUser',
    method: 'get',
    path: '/apps/{app_id}/users/{user_id}/export',
    tag: 'Users',
    summary: 'Everything that is stored about a user',
    description: 'Tokens aside. Follow `next_cursor` until it is null.',
    auth: { kind: 'app_key', scope: 'read', userTokens: false },
    query: users.exportQuery,
    answers: [
      json(200, 'A page of it.', users.userExport, {
        app_id: 'app_0123456789abcdef0123',
        user_id: 'ada',
        pending_since: null,
        connections: [
          {
            withings_user_id: '16342',
            current: true,
            demo: false,
            state: 'active',
            scopes: ['user.metrics'],
            created_at: '2026-06-01T08:00:00.000Z',
            last_sync_at: '2026-06-15T12:00:00.000Z',
            timeline: [{ kind: 'connected', at: '2026-06-01T08:00:00.000Z' }],
          },
        ],
        groups: [
          {
            withings_user_id: '16342',
            group_id: 6437845643,
            measured_at: '2026-06-15T07:12:09+02:00',
            created_at: '2026-06-15T05:12:30Z',
            modified_at: '2026-06-15T05:12:30Z',
            ambiguous: false,
            source: { device: 'Body+', device_id: null, attribution: 'device', attribution_code: 0 },
            measurements: [{ metric: 'weight', type: 1, position: null, value: 68.2, unit: 'kg' }],
          },
        ],
        next_cursor: null,
      }),
    ],
    problems: ['not_found'],
  },
  {
    id: 'eraseUser',
    method: 'delete',
    path: '/apps/{app_id}/users/{user_id}',
    tag: 'Users',
    summary: 'Erase a user, measurements included',
    description: 'Done a bounded part at a time: on 202 send the same request again.',
    auth: { kind: 'app_key', scope: 'manage-links', userTokens: false },
    answers: [
      json(200, 'Nothing is left.', users.erasure, ERASED),
      json(202, 'There is more to remove.', users.erasure, { ...ERASED, complete: false }),
    ],
  },
];
