import { or } from '@optique/core/constructs';
import { message } from '@optique/core/message';
import { multiple, optional } from '@optique/core/modifiers';
import { argument, command, option } from '@optique/core/primitives';
import { choice, integer, string } from '@optique/core/valueparser';
import * as z from 'zod';

import {
  createAccountToken,
  createToken,
  listAccountTokens,
  listTokens,
  revokeAccountToken,
  revokeToken,
} from '../../client/accounts.ts';
import { createKey, listKeys, revokeKey } from '../../client/management.ts';
import { accessTokenList, createdToken } from '../../http/api/accounts/contract.ts';
import { createdKey, keyList, keyScope } from '../../http/api/apps/contract.ts';
import { allPages, call } from '../call.ts';
import { app, appId, chosenBroker, common, example, runs } from '../options.ts';
import { printErr, show, showDeleted, table, time } from '../output.ts';

const name = argument(string({ metavar: 'NAME' }), { description: message`A name to recognize it by.` });
const id = argument(string({ metavar: 'ID' }), { description: message`Its id, as the list shows it.` });
const ONCE = 'Keep it now: it is not shown again.';

export const keysCommand = command(
  'keys',
  or(
    command(
      'list',
      runs({ ...common, app }, async ({ json, app: wanted, ...target }) => {
        const of = appId(wanted);
        const keys = await allPages(keyList, (broker, cursor) => listKeys(broker, of, cursor), chosenBroker(target));
        show(json, keys, () =>
          table(
            ['ID', 'NAME', 'KEY', 'SCOPES', 'LAST USED', 'STATE'],
            keys.map((key) => [
              key.id,
              key.name,
              `…${key.hint}`,
              key.scopes.join(' '),
              time(key.last_used_at),
              key.revoked_at === null ? 'valid' : 'revoked',
            ]),
            'No keys yet. Make one: mushu keys create NAME --app APP',
          ),
        );
      }),
      { brief: message`List the app's keys.`, ...example('mushu keys list --app APP') },
    ),
    command(
      'create',
      runs(
        {
          ...common,
          app,
          name,
          scope: multiple(
            option('--scope', choice(keyScope.options, { metavar: 'SCOPE' }), {
              description: message`What it may do; everything by default.`,
            }),
          ),
        },
        async ({ json, app: wanted, name, scope, ...target }) => {
          const body = { name, ...(scope.length > 0 && { scopes: [...scope] }) };
          const { value } = await call(createdKey, createKey, chosenBroker(target), appId(wanted), body);
          show(json, value, () => value.key);
          if (!json) printErr(ONCE);
        },
      ),
      { brief: message`Create a key.`, ...example('mushu keys create backend --app APP --scope read --scope sync') },
    ),
    command(
      'revoke',
      runs({ ...common, app, id }, async ({ json, app: wanted, id, ...target }) => {
        await call(z.null(), revokeKey, chosenBroker(target), appId(wanted), id);
        showDeleted(json, id, `Revoked ${id}.`);
      }),
      { brief: message`Revoke a key.`, ...example('mushu keys revoke key_0123456789abcdef0123 --app APP') },
    ),
  ),
  { brief: message`API keys: list, create, revoke.` },
);

const account = optional(
  option('--account', string({ metavar: 'ACCOUNT' }), { description: message`For the operator: the account.` }),
);

/** An account's access tokens. */
export const tokensCommand = command(
  'tokens',
  or(
    command(
      'list',
      runs({ ...common, account }, async ({ json, account: of, ...target }) => {
        const broker = chosenBroker(target);
        const tokens = await allPages(
          accessTokenList,
          (at, cursor) => (of === undefined ? listTokens(at, cursor) : listAccountTokens(at, of, cursor)),
          broker,
        );
        show(json, tokens, () =>
          table(
            ['ID', 'NAME', 'TOKEN', 'EXPIRES', 'LAST USED', 'STATE'],
            tokens.map((token) => [
              token.id,
              token.name,
              `…${token.hint}`,
              time(token.expires_at),
              time(token.last_used_at),
              token.revoked_at === null ? 'valid' : 'revoked',
            ]),
            'No tokens.',
          ),
        );
      }),
      { brief: message`List your access tokens.`, ...example('mushu tokens list') },
    ),
    command(
      'create',
      runs(
        {
          ...common,
          account,
          name,
          days: optional(
            option('--days', integer({ min: 1, max: 366 }), {
              description: message`How many days it is valid; 90 by default.`,
            }),
          ),
        },
        async ({ json, account: of, name, days, ...target }) => {
          const broker = chosenBroker(target);
          const body = { name, expires_in_days: days };
          const { value } = await (of === undefined
            ? call(createdToken, createToken, broker, body)
            : call(createdToken, createAccountToken, broker, of, body));
          show(json, value, () => value.token);
          if (!json) printErr(ONCE);
        },
      ),
      { brief: message`Create an access token.`, ...example('mushu tokens create laptop --days 30') },
    ),
    command(
      'revoke',
      runs({ ...common, account, id }, async ({ json, account: of, id, ...target }) => {
        const broker = chosenBroker(target);
        await (of === undefined
          ? call(z.null(), revokeToken, broker, id)
          : call(z.null(), revokeAccountToken, broker, of, id));
        showDeleted(json, id, `Revoked ${id}.`);
      }),
      { brief: message`Revoke a token.`, ...example('mushu tokens revoke token_0123456789abcdef0123') },
    ),
  ),
  { brief: message`Access tokens: list, create, revoke.` },
);
