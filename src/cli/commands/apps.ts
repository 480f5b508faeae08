import { object, or } from '@optique/core/constructs';
import { message } from '@optique/core/message';
import { map, optional } from '@optique/core/modifiers';
import { argument, command, option } from '@optique/core/primitives';
import { string } from '@optique/core/valueparser';
import * as z from 'zod';

import { app as appAnswer, appList } from '../../http/api/contract.ts';
import { call, type Connection } from '../client.ts';
import { cliFailure, EXIT } from '../exit.ts';
import { appArgument, common, connection, example, type Run, type Target } from '../options.ts';
import { facts, print, progress, show, table, time } from '../output.ts';
import { allPages } from '../pages.ts';

type App = z.infer<typeof appAnswer>;
type Wanted = Target & { json: boolean };

const words = (app: App): string =>
  facts([
    ['id', app.id],
    ['name', app.name],
    ['link policy', app.link_policy],
    ['loopback', app.allow_loopback ? 'allowed' : 'refused'],
    ['state', app.disabled ? 'disabled' : 'enabled'],
    ['created', time(app.created_at)],
  ]);

const list = async ({ json, ...wanted }: Wanted): Promise<void> => {
  const apps = await allPages(connection(wanted), '/apps', appList);
  show(json, apps, () =>
    table(
      ['ID', 'NAME', 'LINK POLICY', 'STATE', 'CREATED'],
      apps.map((app) => [
        app.id,
        app.name,
        app.link_policy,
        app.disabled ? 'disabled' : 'enabled',
        time(app.created_at),
      ]),
      'No apps yet. Make one: mushu apps create NAME',
    ),
  );
};

const one = async ({ json, ...wanted }: Wanted, path: string, method: 'GET' | 'POST' | 'PATCH', body?: unknown) => {
  const { value } = await call(connection(wanted), { method, path, body, answer: appAnswer });
  show(json, value, () => words(value));
};

const path = (id: string): string => `/apps/${encodeURIComponent(id)}`;

const remove = async ({ id, yes, ...wanted }: Target & { id: string; yes: boolean }): Promise<void> => {
  if (!yes)
    throw cliFailure(EXIT.usage, 'This deletes the app and everything of its users. Say --yes if that is meant.');
  const broker: Connection = connection(wanted);
  for (let part = 1; ; part += 1) {
    const { status } = await call(broker, { method: 'DELETE', path: path(id), answer: z.unknown() });
    if (status !== 202) break;
    progress(`Deleting, part ${part}…`);
  }
  progress('');
  print(`Deleted ${id}.`);
};

/** Apps: a developer's own. */
export const appsCommand = command(
  'apps',
  or(
    command(
      'list',
      map(
        object(common),
        (wanted): Run =>
          () =>
            list(wanted),
      ),
      {
        brief: message`Your apps.`,
        ...example('mushu apps list'),
      },
    ),
    command(
      'create',
      map(
        object({
          ...common,
          name: argument(string({ metavar: 'NAME' })),
          account: optional(option('--account', string({ metavar: 'ACCOUNT' }))),
        }),
        ({ name, account, ...wanted }): Run =>
          () =>
            one(wanted, '/apps', 'POST', { name, account_id: account }),
      ),
      { brief: message`Make an app.`, ...example('mushu apps create Womoji') },
    ),
    command(
      'show',
      map(
        object({ ...common, id: appArgument }),
        ({ id, ...wanted }): Run =>
          () =>
            one(wanted, path(id), 'GET'),
      ),
      {
        brief: message`One app.`,
        ...example('mushu apps show app_0123456789abcdef0123'),
      },
    ),
    command(
      'disable',
      map(
        object({ ...common, id: appArgument }),
        ({ id, ...wanted }): Run =>
          () =>
            one(wanted, path(id), 'PATCH', { disabled: true }),
      ),
      { brief: message`Let nothing flow for an app.`, ...example('mushu apps disable app_0123456789abcdef0123') },
    ),
    command(
      'enable',
      map(
        object({ ...common, id: appArgument }),
        ({ id, ...wanted }): Run =>
          () =>
            one(wanted, path(id), 'PATCH', { disabled: false }),
      ),
      { brief: message`Let it flow again.`, ...example('mushu apps enable app_0123456789abcdef0123') },
    ),
    command(
      'delete',
      map(
        object({ ...common, id: appArgument, yes: option('--yes') }),
        (wanted): Run =>
          () =>
            remove(wanted),
      ),
      {
        brief: message`Delete an app and everything of its users.`,
        ...example('mushu apps delete app_0123456789abcdef0123 --yes'),
      },
    ),
  ),
  { brief: message`Apps: list, create, show, disable, enable, delete.` },
);
