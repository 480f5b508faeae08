import { setTimeout as wait } from 'node:timers/promises';

import { or } from '@optique/core/constructs';
import { type Message, message } from '@optique/core/message';
import { optional } from '@optique/core/modifiers';
import { argument, command, option } from '@optique/core/primitives';
import { choice, string } from '@optique/core/valueparser';
import * as z from 'zod';

import { createApp, deleteApp, getApp, listApps, updateApp } from '../../client/management.ts';
import type { Answer, Broker } from '../../client/send.ts';
import * as appsContract from '../../http/api/apps/contract.ts';
import { BETWEEN_PARTS_MS, allPages, call } from '../call.ts';
import { cliFailure, EXIT } from '../exit.ts';
import { appArgument, chosenBroker, common, example, runs, type Target } from '../options.ts';
import { facts, progress, show, showDeleted, table, time } from '../output.ts';

type App = z.infer<typeof appsContract.app>;
type Wanted = Target & { json: boolean };

const allowed = (is: boolean): string => (is ? 'allowed' : 'refused');

const words = (app: App): string =>
  facts([
    ['id', app.id],
    ['name', app.name],
    ['link policy', app.link_policy],
    ['loopback addresses', allowed(app.allow_loopback)],
    ['shared Withings accounts', allowed(app.shared_accounts === 'allow')],
    ['keys in browsers', allowed(!app.refuse_browser_keys)],
    ['history on connect', app.history_on_connect],
    ['demo account', app.demo_account ? 'on' : 'off'],
    ['state', app.disabled ? 'disabled' : 'enabled'],
    ['created', time(app.created_at)],
  ]);

const list = async ({ json, ...wanted }: Wanted): Promise<void> => {
  const apps = await allPages(appsContract.appList, listApps, chosenBroker(wanted));
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

const one = async <Arguments extends unknown[]>(
  { json, ...wanted }: Wanted,
  operation: (broker: Broker, ...rest: Arguments) => Promise<Answer<App>>,
  ...rest: Arguments
): Promise<void> => {
  const { value } = await call(appsContract.app, operation, chosenBroker(wanted), ...rest);
  show(json, value, () => words(value));
};

/** 202 while there is more to delete. */
const deleted = z.object({ complete: z.literal(false) }).nullable();

const remove = async ({ json, id, yes, ...wanted }: Wanted & { id: string; yes: boolean }): Promise<void> => {
  if (!yes) throw cliFailure(EXIT.usage, 'This deletes the app and everything of its users. Add --yes to confirm.');
  const broker = chosenBroker(wanted);
  for (let part = 1; ; part += 1) {
    const { value } = await call(deleted, deleteApp, broker, id);
    if (value === null) break;
    progress(`Deleting, part ${part}…`);
    await wait(BETWEEN_PARTS_MS);
  }
  progress('');
  showDeleted(json, id, `Deleted ${id}.`);
};

const permission = (name: '--loopback' | '--shared-accounts' | '--browser-keys', description: Message) =>
  optional(option(name, choice(['allow', 'refuse'], { metavar: 'PERMISSION' }), { description }));

const setCommand = command(
  'set',
  runs(
    {
      ...common,
      id: appArgument,
      name: optional(option('--name', string({ metavar: 'NAME' }), { description: message`A new name.` })),
      policy: optional(
        option('--link-policy', choice(appsContract.linkPolicy.options, { metavar: 'POLICY' }), {
          description: message`Which links are accepted.`,
        }),
      ),
      loopback: permission('--loopback', message`Redirect URIs on this machine, for development.`),
      shared: permission('--shared-accounts', message`Two users with one Withings account.`),
      history: optional(
        option('--history-on-connect', choice(appsContract.historyOnConnect.options, { metavar: 'HISTORY' }), {
          description: message`What is read by itself when a user connects.`,
        }),
      ),
      demo: optional(
        option('--demo-account', choice(['on', 'off'], { metavar: 'SWITCH' }), {
          description: message`Whether links lead to Withings' demo account, for development.`,
        }),
      ),
      browser: permission('--browser-keys', message`API keys in requests of web pages.`),
    },
    async ({ id, name, policy, loopback, shared, history, demo, browser, ...wanted }) => {
      const body = {
        name,
        link_policy: policy,
        allow_loopback: loopback && loopback === 'allow',
        shared_accounts: shared,
        history_on_connect: history,
        demo_account: demo && demo === 'on',
        refuse_browser_keys: browser && browser === 'refuse',
      };
      if (Object.values(body).every((value) => value === undefined)) {
        throw cliFailure(EXIT.usage, 'Nothing to set. mushu apps set --help lists the settings.');
      }
      await one(wanted, updateApp, id, body);
    },
  ),
  {
    brief: message`Change an app's settings.`,
    ...example('mushu apps set app_0123456789abcdef0123 --link-policy session'),
  },
);

const switchCommand = (name: 'enable' | 'disable', brief: Message) =>
  command(
    name,
    runs({ ...common, id: appArgument }, ({ id, ...wanted }) =>
      one(wanted, updateApp, id, { disabled: name === 'disable' }),
    ),
    { brief, ...example(`mushu apps ${name} app_0123456789abcdef0123`) },
  );

export const appsCommand = command(
  'apps',
  or(
    command('list', runs(common, list), { brief: message`List your apps.`, ...example('mushu apps list') }),
    command(
      'create',
      runs(
        {
          ...common,
          name: argument(string({ metavar: 'NAME' }), {
            description: message`A name for you and your team. Users do not see it.`,
          }),
          account: optional(
            option('--account', string({ metavar: 'ACCOUNT' }), {
              description: message`For the operator: the owner's account.`,
            }),
          ),
        },
        ({ name, account, ...wanted }) => one(wanted, createApp, { name, account_id: account }),
      ),
      { brief: message`Create an app.`, ...example('mushu apps create Womoji') },
    ),
    command(
      'show',
      runs({ ...common, id: appArgument }, ({ id, ...wanted }) => one(wanted, getApp, id)),
      { brief: message`Show an app.`, ...example('mushu apps show app_0123456789abcdef0123') },
    ),
    setCommand,
    switchCommand('disable', message`Disable an app: no link, no sync, no data.`),
    switchCommand('enable', message`Enable a disabled app.`),
    command(
      'delete',
      runs({ ...common, id: appArgument, yes: option('--yes', { description: message`Confirm it.` }) }, remove),
      {
        brief: message`Delete an app and everything of its users.`,
        ...example('mushu apps delete app_0123456789abcdef0123 --yes'),
      },
    ),
  ),
  { brief: message`Apps: list, create, show, set, disable, enable, delete.` },
);
