import { or } from '@optique/core/constructs';
import { type Message, message } from '@optique/core/message';
import { optional } from '@optique/core/modifiers';
import { argument, command, option } from '@optique/core/primitives';
import { integer, string } from '@optique/core/valueparser';

import { createAccount, listAccounts, updateAccount } from '../../client/accounts.ts';
import type { Read } from '../../client/contract.ts';
import { listAppAudit, listAudit } from '../../client/management.ts';
import type { Answer, Broker } from '../../client/send.ts';
import { account, accountList } from '../../http/api/accounts/contract.ts';
import { auditList } from '../../http/api/apps/contract.ts';
import { allPages, call } from '../call.ts';
import { app, chosenBroker, common, example, runs, type Target } from '../options.ts';
import { facts, show, table, time } from '../output.ts';

type Wanted = Target & { json: boolean };

const change = async <Arguments extends unknown[]>(
  { json, ...target }: Wanted,
  operation: (broker: Broker, ...rest: Arguments) => Promise<Answer<Read<'account'>>>,
  ...rest: Arguments
): Promise<void> => {
  const { value } = await call(account, operation, chosenBroker(target), ...rest);
  show(json, value, () =>
    facts([
      ['id', value.id],
      ['name', value.name],
      ['state', value.disabled ? 'disabled' : 'enabled'],
    ]),
  );
};

const accountId = argument(string({ metavar: 'ACCOUNT' }), { description: message`The account's id.` });

const switchCommand = (name: 'enable' | 'disable', brief: Message) =>
  command(
    name,
    runs({ ...common, id: accountId }, ({ id, ...wanted }) =>
      change(wanted, updateAccount, id, { disabled: name === 'disable' }),
    ),
    { brief, ...example(`mushu accounts ${name} acct_0123456789abcdef0123`) },
  );

/** Developer accounts, for the operator. */
export const accountsCommand = command(
  'accounts',
  or(
    command(
      'list',
      runs(common, async ({ json, ...target }) => {
        const rows = await allPages(accountList, listAccounts, chosenBroker(target));
        show(json, rows, () =>
          table(
            ['ID', 'NAME', 'STATE', 'CREATED'],
            rows.map((row) => [row.id, row.name, row.disabled ? 'disabled' : 'enabled', time(row.created_at)]),
            'No accounts yet. Make one: mushu accounts create NAME',
          ),
        );
      }),
      { brief: message`List all accounts.`, ...example('mushu accounts list') },
    ),
    command(
      'create',
      runs(
        {
          ...common,
          name: argument(string({ metavar: 'NAME' }), { description: message`The developer's name.` }),
        },
        ({ name, ...wanted }) => change(wanted, createAccount, { name }),
      ),
      {
        brief: message`Create an account. Then create its token: mushu tokens create.`,
        ...example('mushu accounts create "Ada Lovelace"'),
      },
    ),
    switchCommand('disable', message`Disable an account and all its tokens.`),
    switchCommand('enable', message`Enable a disabled account.`),
  ),
  { brief: message`Developer accounts, for the operator.` },
);

/** The changed settings with their values: `link_policy: confirm, disabled: true`. */
const detailText = (detail: Record<string, unknown>): string =>
  Object.entries(detail)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');

/** Who changed what. */
export const auditCommand = command(
  'audit',
  runs(
    {
      ...common,
      app,
      limit: optional(
        option('--limit', integer({ min: 1 }), { description: message`How many entries; 50 by default.` }),
      ),
    },
    async ({ json, app: wanted, limit = 50, ...target }) => {
      const page = (broker: Broker, cursor: string | undefined) =>
        wanted === undefined ? listAudit(broker, cursor) : listAppAudit(broker, wanted, cursor);
      const rows = await allPages(auditList, page, chosenBroker(target), limit);
      show(json, rows, () =>
        table(
          ['AT', 'WHO', 'THROUGH', 'WHAT', 'OF', 'DETAIL'],
          rows.map((row) => [time(row.at), row.actor, row.surface, row.action, row.subject, detailText(row.detail)]),
          'Nothing yet.',
        ),
      );
    },
  ),
  {
    brief: message`The audit trail, newest first: of an app, or without one of your account (for the operator: of everything).`,
    ...example('mushu audit --app APP --limit 20'),
  },
);
