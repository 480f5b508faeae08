import { spawn } from 'node:child_process';

import { or } from '@optique/core/constructs';
import { message } from '@optique/core/message';
import { optional } from '@optique/core/modifiers';
import { argument, command, option } from '@optique/core/primitives';
import { choice, integer, string } from '@optique/core/valueparser';

import { createConnectSession, getConnection, listConnections, sync as syncUser } from '../../client/connections.ts';
import { listMetrics } from '../../client/metrics.ts';
import { connectionList, connectionState } from '../../http/api/connections/contract.ts';
import { connection, connectSession, syncResult } from '../../http/api/connections/contract.ts';
import { metricList } from '../../http/api/metrics/contract.ts';
import { MAX_METRIC_VALUES } from '../../http/api/metrics/queries.ts';
import { allPages, call } from '../call.ts';
import { app, appId, chosenBroker, common, example, runs } from '../options.ts';
import { facts, print, progress, printErr, show, table, time } from '../output.ts';
import { changesCommand } from './changes.ts';
import { redirectUriCommand } from './redirect-uris.ts';
import { disconnectCommand, eraseCommand, exportCommand } from './user-data.ts';

const user = argument(string({ metavar: 'USER' }), { description: message`The app's own id for the user.` });

const users = command(
  'users',
  runs(
    {
      ...common,
      app,
      state: optional(
        option('--state', choice(connectionState.options, { metavar: 'STATE' }), {
          description: message`Only those in this state.`,
        }),
      ),
      failing: option('--failing', { description: message`Only those whose last sync or refresh failed.` }),
      search: optional(
        option('--search', string({ metavar: 'PREFIX' }), {
          description: message`Only those whose id begins with this.`,
        }),
      ),
    },
    async ({ json, app: wanted, state, failing, search, ...target }) => {
      const of = appId(wanted);
      const rows = await allPages(
        connectionList,
        (broker, cursor) =>
          listConnections(broker, of, { state, search, cursor, ...(failing && { failing: 'true' as const }) }),
        chosenBroker(target),
      );
      show(json, rows, () =>
        table(
          ['USER', 'STATE', 'REASON', 'SINCE', 'LAST SYNC', 'DATA AS OF', 'COMES BY', 'LAST PUSH', 'FAILING'],
          rows.map((row) => [
            row.user_id,
            row.demo ? `${row.state} (demo)` : row.state,
            row.state_reason ?? '-',
            time(row.state_since),
            time(row.last_sync_at),
            time(row.data_as_of),
            row.delivery?.replace('_', ' ') ?? '-',
            time(row.last_push_at),
            row.failing ?? '-',
          ]),
          'No users.',
        ),
      );
    },
  ),
  {
    brief: message`The app's users and their connections.`,
    ...example('mushu health users --app APP --state reauth_required'),
  },
);

const statusCommand = command(
  'status',
  runs({ ...common, app, user }, async ({ json, app: wanted, user, ...target }) => {
    const { value } = await call(connection, getConnection, chosenBroker(target), appId(wanted), user);
    show(json, value, () =>
      facts([
        ['user', value.user_id],
        ['state', value.state_reason === null ? value.state : `${value.state} (${value.state_reason})`],
        ['demo account', value.demo ? 'yes' : 'no'],
        ['since', time(value.state_since)],
        ['scopes', value.scopes.join(' ') || '-'],
        ['last sync', time(value.last_sync_at)],
        ['data as of', time(value.data_as_of)],
        ['data comes by', value.delivery?.replace('_', ' ') ?? '-'],
        ['last push', time(value.last_push_at)],
        ['history', value.history],
        ['next refresh', time(value.next_refresh_at)],
        [
          'last failure',
          value.last_failure === null ? '-' : `${value.last_failure.kind}, ${time(value.last_failure.at)}`,
        ],
      ]),
    );
  }),
  { brief: message`One user's connection.`, ...example('mushu health status ada --app APP') },
);

const sync = command(
  'sync',
  runs({ ...common, app, user }, async ({ json, app: wanted, user, ...target }) => {
    const broker = chosenBroker(target);
    const of = appId(wanted);
    const total = { added: 0, changed: 0, removed: 0, skipped: 0 };
    for (;;) {
      const { value } = await call(syncResult, syncUser, broker, of, user);
      for (const count of ['added', 'changed', 'removed', 'skipped'] as const) total[count] += value[count];
      if (value.complete) {
        progress('');
        show(
          json,
          { ...value, ...total },
          () => `${total.added} added, ${total.changed} changed, ${total.removed} removed.`,
        );
        return;
      }
      progress(`${total.added} measurements so far…`);
    }
  }),
  { brief: message`Pull what is new from Withings, to the end.`, ...example('mushu health sync ada --app APP') },
);

const metrics = command(
  'metrics',
  runs(
    {
      ...common,
      app,
      user,
      metric: optional(option('--metric', string({ metavar: 'NAMES' }), { description: message`Comma-separated.` })),
      from: optional(
        option('--from', string({ metavar: 'TIME' }), {
          description: message`RFC 3339, or a date in the user's time zone.`,
        }),
      ),
      to: optional(
        option('--to', string({ metavar: 'TIME' }), { description: message`The end of the range, in the same form.` }),
      ),
      limit: optional(
        option('--limit', integer({ min: 1 }), { description: message`How many values; 20 by default.` }),
      ),
    },
    async ({ json, app: wanted, user, metric, from, to, limit = 20, ...target }) => {
      const of = appId(wanted);
      const query = { metric, from, to, limit: Math.min(limit, MAX_METRIC_VALUES) };
      const rows = await allPages(
        metricList,
        (broker, cursor) => listMetrics(broker, of, user, { ...query, cursor }),
        chosenBroker(target),
        limit,
      );
      show(json, rows, () =>
        table(
          ['MEASURED', 'METRIC', 'VALUE', 'UNIT', 'DEVICE'],
          rows.map((row) => [row.measured_at, row.metric, String(row.value), row.unit, row.source.device ?? '-']),
          'No values.',
        ),
      );
    },
  ),
  {
    brief: message`A user's body data.`,
    ...example('mushu health metrics ada --app APP --metric weight,bmi --limit 10'),
  },
);

const link = command(
  'link',
  runs(
    {
      ...common,
      app,
      user,
      redirectUri: option('--redirect-uri', string({ metavar: 'URI' }), {
        description: message`One of the app's redirect URIs, byte for byte.`,
      }),
      open: option('--open', { description: message`Open the link in the browser.` }),
      qr: option('--qr', { description: message`Show a QR code for a phone.` }),
    },
    async ({ json, app: wanted, user, redirectUri, open, qr, ...target }) => {
      const body = { user_id: user, redirect_uri: redirectUri };
      const { value } = await call(connectSession, createConnectSession, chosenBroker(target), appId(wanted), body);
      show(json, value, () => value.auth_url);
      if (qr && !json) {
        // Loaded only when needed.
        const { renderUnicodeCompact } = await import('uqr');
        print(renderUnicodeCompact(value.auth_url));
      }
      if (open) openInBrowser(value.auth_url);
    },
  ),
  {
    brief: message`A link that connects a user: single use, short-lived.`,
    ...example('mushu health link ada --redirect-uri womoji://withings/success --app APP --qr'),
  },
);

/** Uses `$BROWSER` or the platform's opener. Without a shell: the URL comes from the broker. */
const openInBrowser = (url: string): void => {
  if (!/^https?:\/\//.test(url)) return;
  const byPlatform: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer' };
  const program = process.env['BROWSER'] || (byPlatform[process.platform] ?? 'xdg-open');
  spawn(program, [url], { detached: true, stdio: 'ignore' })
    .on('error', () => printErr(`${program} could not open a browser: open the link yourself.`))
    .unref();
};

export const healthCommand = command(
  'health',
  or(
    redirectUriCommand,
    users,
    statusCommand,
    sync,
    disconnectCommand,
    metrics,
    changesCommand,
    link,
    exportCommand,
    eraseCommand,
  ),
  { brief: message`Redirect URIs, users, links, syncs and body data.` },
);
