import { setTimeout as wait } from 'node:timers/promises';

import { message } from '@optique/core/message';
import { argument, command, option } from '@optique/core/primitives';
import { string } from '@optique/core/valueparser';

import { disconnect, eraseUser, exportUser } from '../../client/connections.ts';
import type { Read } from '../../client/contract.ts';
import { disconnected } from '../../http/api/connections/contract.ts';
import { erasure, userExport } from '../../http/api/users/contract.ts';
import { BETWEEN_PARTS_MS, call } from '../call.ts';
import { cliFailure, EXIT } from '../exit.ts';
import { app, appId, chosenBroker, common, example, runs } from '../options.ts';
import { print, progress, show } from '../output.ts';

/** A user's rights to their data: disconnection, an export, and erasure. */

const user = argument(string({ metavar: 'USER' }), { description: message`The app's own id for the user.` });

export const disconnectCommand = command(
  'disconnect',
  runs(
    {
      ...common,
      app,
      user,
      withdraw: option('--withdraw', {
        description: message`Also end the authorization at Withings, unless another connection needs it.`,
      }),
    },
    async ({ json, app: wanted, user, withdraw, ...target }) => {
      const query = withdraw ? { withdraw: 'true' as const } : {};
      const { value } = await call(disconnected, disconnect, chosenBroker(target), appId(wanted), user, query);
      show(json, value, () => `${user} is disconnected. What was measured stays.${withdrawalWords(value.withings)}`);
    },
  ),
  { brief: message`Delete a user's tokens; measurements stay.`, ...example('mushu health disconnect ada --app APP') },
);

const withdrawalWords = (withings: Read<'disconnected'>['withings']): string => {
  if (withings === undefined) return '';
  const { revoked, kept, failed } = withings;
  if (failed > 0) return ' The authorization at Withings could not be revoked: the person can remove it there.';
  if (kept > 0) return ' The authorization at Withings stays: another connection needs it.';
  return revoked > 0 ? ' The authorization at Withings is revoked.' : ' There was no authorization at Withings.';
};

export const exportCommand = command(
  'export',
  runs({ ...common, app, user }, async ({ app: wanted, user, ...target }) => {
    const broker = chosenBroker(target);
    const groups: Read<'userExport'>['groups'] = [];
    for (let cursor: string | undefined; ;) {
      const { value } = await call(userExport, exportUser, broker, appId(wanted), user, { cursor });
      groups.push(...value.groups);
      if (value.next_cursor === null) {
        progress('');
        print(JSON.stringify({ ...value, groups }, null, 2));
        return;
      }
      cursor = value.next_cursor;
      progress(`${groups.length} weigh-ins so far…`);
    }
  }),
  { brief: message`Everything that is stored about a user, as JSON.`, ...example('mushu health export ada --app APP') },
);

/** The counts of a call, added to those of the calls before it. */
const added = <Counts extends Record<string, number>>(counts: Counts, before?: Counts): Counts => {
  const sums = Object.entries(counts).map(([name, count]) => [name, count + (before?.[name] ?? 0)]);
  return { ...counts, ...Object.fromEntries(sums) };
};

export const eraseCommand = command(
  'erase',
  runs(
    { ...common, app, user, yes: option('--yes', { description: message`Confirm it.` }) },
    async ({ json, app: wanted, user, yes, ...target }) => {
      if (!yes) {
        throw cliFailure(EXIT.usage, 'This erases everything that is stored about the user. Add --yes to confirm.');
      }
      const broker = chosenBroker(target);
      let sum: Read<'erasure'> | undefined;
      for (;;) {
        const { value } = await call(erasure, eraseUser, broker, appId(wanted), user);
        sum = {
          ...value,
          removed: added(value.removed, sum?.removed),
          withings: added(value.withings, sum?.withings),
        };
        const { measurements } = sum.removed;
        if (sum.complete) {
          progress('');
          show(json, sum, () => `Erased ${user}: ${measurements} measurements and all the rest.`);
          return;
        }
        progress(`${measurements} measurements erased so far…`);
        await wait(BETWEEN_PARTS_MS);
      }
    },
  ),
  { brief: message`Erase a user and all their measurements.`, ...example('mushu health erase ada --app APP --yes') },
);
