import { message } from '@optique/core/message';
import { optional } from '@optique/core/modifiers';
import { command, option } from '@optique/core/primitives';
import { integer, string } from '@optique/core/valueparser';

import type { Read } from '../../client/contract.ts';
import { listChanges } from '../../client/metrics.ts';
import { changesPage } from '../../http/api/changes/contract.ts';
import { call } from '../call.ts';
import { app, appId, chosenBroker, common, example, runs } from '../options.ts';
import { printErr, show, table } from '../output.ts';

type Change = Read<'changesPage'>['data'][number];

const words = (change: Change): string => {
  if ('reset' in change) return 'reset: discard what you have';
  if ('deleted' in change) return 'deleted';
  return change.measurements.map(({ metric, value, unit }) => `${metric} ${value} ${unit}`.trim()).join(', ');
};

/** One page of the feed, as a backend reads it: to inspect it, or to keep a copy by script. */
export const changesCommand = command(
  'changes',
  runs(
    {
      ...common,
      app,
      cursor: optional(
        option('--cursor', string({ metavar: 'CURSOR' }), { description: message`next_cursor of the previous page.` }),
      ),
      limit: optional(
        option('--limit', integer({ min: 1, max: 500 }), { description: message`How many changes; 100 by default.` }),
      ),
    },
    async ({ json, app: wanted, cursor, limit, ...target }) => {
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
        printErr(
          `${value.has_more ? 'There are more changes' : 'There are no more changes yet'}. Continue with --cursor ${value.next_cursor}`,
        );
    },
  ),
  { brief: message`All users' changes, a page at a time.`, ...example('mushu health changes --app APP --limit 20') },
);
