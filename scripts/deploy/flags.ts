import { object } from '@optique/core/constructs';
import { type Message, message } from '@optique/core/message';
import { optional, withDefault } from '@optique/core/modifiers';
import type { NonEmptyString } from '@optique/core/nonempty';
import { option } from '@optique/core/primitives';
import type { OptionName } from '@optique/core/usage';
import { string } from '@optique/core/valueparser';

const text = (name: OptionName, metavar: NonEmptyString, description: Message) =>
  optional(option(name, string({ metavar }), { description }));
const flag = (name: OptionName, description: Message) => withDefault(option(name, { description }), false);

/** The flags of `npm run deploy`. `readDeployOptions` adds the environment and checks their values. */
export const flags = object({
  domain: text(
    '--domain',
    'HOST',
    message`Serve it on this host, whose zone is in the account. Or DEPLOY_DOMAIN; default workers.dev.`,
  ),
  location: text(
    '--location',
    'L',
    message`Where a new database runs, and the Worker beside it: weur, eeur, enam, wnam, apac or oc. Or DEPLOY_LOCATION; default weur.`,
  ),
  jurisdiction: text(
    '--jurisdiction',
    'J',
    message`Keep the data of a new database in eu, us or fedramp. Or DEPLOY_JURISDICTION; default anywhere.`,
  ),
  'client-id': text('--client-id', 'ID', message`Of your app at Withings. Or WITHINGS_CLIENT_ID.`),
  'client-secret': text('--client-secret', 'S', message`Of your app at Withings. Or WITHINGS_CLIENT_SECRET.`),
  'replace-client': flag(
    '--replace-client',
    message`Accept another Withings client than before: every user has to connect again.`,
  ),
  account: text('--account', 'ID', message`The account, if the login reaches several. Or CLOUDFLARE_ACCOUNT_ID.`),
  import: text(
    '--import',
    'DIR',
    message`Copy apps, redirect URIs, API keys and accounts from a local broker, whose state is DIR (.state).`,
  ),
  'with-people': flag(
    '--with-people',
    message`Also copy its users with their connections and measurements. Needs its KEYRING in the environment.`,
  ),
  state: withDefault(
    option('--state', string({ metavar: 'DIR' }), {
      description: message`Where ids and new secrets are stored. Default .deploy.`,
    }),
    '.deploy',
  ),
  'health-url': text('--health-url', 'URL', message`Where to ask for /healthz, if not at the broker's address.`),
  'dry-run': flag('--dry-run', message`Show every step and build the bundle, but change nothing.`),
});
