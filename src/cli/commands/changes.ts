import { object } from '@optique/core/constructs';
import { message } from '@optique/core/message';
import { map, optional } from '@optique/core/modifiers';
import { command, option } from '@optique/core/primitives';
import { integer, string } from '@optique/core/valueparser';

import type { Read } from '../../client/contract.ts';
import { listChanges } from '../../client/metrics.ts';
import { changesPage } from '../../http/api/changes/contract.ts';
import { call } from '../call.ts';
import { app, appId, chosenBroker, common, example, type Run } from '../options.ts';
import { printErr, show, table } from '../output.ts';

type Change = Read<'changesPage'>['data'][number];

/** What a change says, in a cell. */
const words = (change: Change): string => {
  if ('reset' in change) return 'starts anew: forget what you have';
  if ('deleted' in change) return 'deleted';
  return change.measurements.map(({ metric, value, unit }) => `${metric} ${value} ${unit}`.trim()).join(', ');
};

/** One page of the feed, as a backend reads it: to look at what it gets, or to keep a copy by a script. */
export const changesCommand = command(
  'changes',
  map(
    object({
      ...common,
      app,
      cursor: optional(
        option('--cursor', string({ metavar: 'CURSOR' }), { description: message`Where the last page ended.` }),
      ),
      limit: optional(
        option('--limit', integer({ min: 1, max: 500 }), { description: message`How many changes; 100 if not said.` }),
      ),
    }),
    ({ json, app: wanted, cursor, limit, ...target }): Run =>
      async () => {
        const query = { cursor, limit };
        const { value } = await call(changesPage, listChanges, chosenBroker(target), appId(wanted), query);
        show(json, value, () =>
          table(
            ['USER', 'GROUP', 'NOW'],
            value.data.map((change) => [
              change.user_id,
              'group_id' in change ? String(change.group_id) : '-',
              words(change),
            ]),
            'Nothing changed.',
          ),
        );
        if (!json)
          printErr(`${value.has_more ? 'There is more' : 'That is all so far'}. Go on: --cursor ${value.next_cursor}`);
      },
  ),
  {
    brief: message`What changed of all users, a page at a time.`,
    ...example('mushu health changes --app APP --limit 20'),
  },
);
