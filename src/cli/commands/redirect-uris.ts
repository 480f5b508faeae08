import { or } from '@optique/core/constructs';
import { message } from '@optique/core/message';
import { argument, command } from '@optique/core/primitives';
import { string } from '@optique/core/valueparser';
import * as z from 'zod';

import {
  listRedirectUris,
  registerRedirectUri,
  testRedirectUri,
  unregisterRedirectUri,
} from '../../client/management.ts';
import { redirectUriList, redirectUriTest, registeredRedirectUri } from '../../http/api/apps/contract.ts';
import { call } from '../call.ts';
import { EXIT } from '../exit.ts';
import { app, appId, chosenBroker, common, example, runs } from '../options.ts';
import { good, bad, printErr, show, showDeleted, table, time } from '../output.ts';

const uri = argument(string({ metavar: 'URI' }), { description: message`Exactly as the app sends it.` });

export const redirectUriCommand = command(
  'redirect-uri',
  or(
    command(
      'add',
      runs({ ...common, app, uri }, async ({ json, app: wanted, uri, ...target }) => {
        const broker = chosenBroker(target);
        const { status, value } = await call(registeredRedirectUri, registerRedirectUri, broker, appId(wanted), uri);
        show(json, value, () => `${status === 201 ? 'Registered' : 'Registered already:'} ${value.uri}`);
        if (!json) for (const { detail } of value.warnings) printErr(`Warning: ${detail}`);
      }),
      {
        brief: message`Register a redirect URI. Repeating it does no harm.`,
        ...example('mushu health redirect-uri add womoji://withings/success --app APP'),
      },
    ),
    command(
      'list',
      runs({ ...common, app }, async ({ json, app: wanted, ...target }) => {
        const { value } = await call(redirectUriList, listRedirectUris, chosenBroker(target), appId(wanted));
        show(json, value.data, () =>
          table(
            ['URI', 'ADDED', 'WARNINGS'],
            value.data.map((entry) => [
              entry.uri,
              time(entry.created_at),
              entry.warnings.map(({ code }) => code).join(' ') || '-',
            ]),
            'None yet. Register one: mushu health redirect-uri add URI --app APP',
          ),
        );
      }),
      { brief: message`List the registered ones.`, ...example('mushu health redirect-uri list --app APP') },
    ),
    command(
      'remove',
      runs({ ...common, app, uri }, async ({ json, app: wanted, uri, ...target }) => {
        await call(z.null(), unregisterRedirectUri, chosenBroker(target), appId(wanted), uri);
        showDeleted(json, uri, `Removed ${uri}`);
      }),
      {
        brief: message`Remove one. Links that were already opened fail too.`,
        ...example('mushu health redirect-uri remove womoji://withings/success --app APP'),
      },
    ),
    command(
      'test',
      runs({ ...common, app, uri }, async ({ json, app: wanted, uri, ...target }) => {
        const { value } = await call(redirectUriTest, testRedirectUri, chosenBroker(target), appId(wanted), uri);
        show(json, value, () =>
          value.matches
            ? `${good('It would be taken:')} ${value.registered}`
            : `${bad('It would be refused.')} ${value.explanation ?? 'No registered URI is like it.'}`,
        );
        if (!value.matches) process.exitCode = EXIT.refused;
      }),
      {
        brief: message`Check whether a URI would be accepted, and how it differs if not.`,
        ...example('mushu health redirect-uri test womoji://withings/Success --app APP'),
      },
    ),
  ),
  { brief: message`Redirect URIs: add, list, remove, test.` },
);
