import { WEIGHT } from '../metrics/reference.ts';
import { json, type Operation } from '../reference/operation.ts';
import * as changes from './contract.ts';

/** The changes of all of an app's users. */
export const CHANGE_OPERATIONS: readonly Operation[] = [
  {
    id: 'listChanges',
    method: 'get',
    path: '/apps/{app_id}/changes',
    tag: 'Metrics',
    summary: 'What changed of all users since a cursor',
    description:
      'The first call, without a cursor, gives every user whole and has changes noted from then on. Keep `next_cursor` and go on from it, at once while `has_more` is true. A group replaces what it said before, one with `deleted` is gone, and `reset` means that all that is known of the user makes way for what follows. A change may come twice; none is left out. Derived values, such as BMI, are not given. A user whom the app erases is not mentioned again.',
    auth: { kind: 'app_key', scope: 'read', userTokens: false },
    query: changes.changesQuery,
    answers: [
      json(200, 'A page of changes.', changes.changesPage, {
        data: [
          { user_id: 'ada', reset: true },
          {
            user_id: 'ada',
            group_id: 6437845643,
            measurements: [WEIGHT],
          },
          { user_id: 'grace', group_id: 6437845001, deleted: true },
        ],
        next_cursor: 'WyJhcHBfMDEyMzQ1Njc4OWFiY2RlZjAxMjMiLDQyLDQyLG51bGxd',
        has_more: false,
      }),
    ],
  },
];
