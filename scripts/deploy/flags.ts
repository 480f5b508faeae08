import { object } from '@optique/core/constructs';
import { message } from '@optique/core/message';
import { map } from '@optique/core/modifiers';

import { flag, textFlag } from '../flag.ts';

/** The flags that `npm run restore` has too. */
export const sharedFlags = {
  account: textFlag('--account', 'ID', message`The account, if the login reaches several. Or CLOUDFLARE_ACCOUNT_ID.`),
  state: map(
    textFlag('--state', 'DIR', message`Where the deployment's ids and new secrets are stored. Default .deploy.`),
    (dir) => dir ?? '.deploy',
  ),
  'health-url': textFlag('--health-url', 'URL', message`Where to ask for /healthz, if not at the broker's address.`),
};

/** The flags of `npm run deploy`. `readDeployOptions` adds the environment and checks their values. */
export const flags = object({
  domain: textFlag(
    '--domain',
    'HOST',
    message`Serve it on this host, whose zone is in the account. Or DEPLOY_DOMAIN; default workers.dev.`,
  ),
  location: textFlag(
    '--location',
    'L',
    message`Where a new database runs, and the Worker beside it: weur, eeur, enam, wnam, apac or oc. Or DEPLOY_LOCATION; default weur.`,
  ),
  jurisdiction: textFlag(
    '--jurisdiction',
    'J',
    message`Keep the data of a new database in eu, us or fedramp. Or DEPLOY_JURISDICTION; default anywhere.`,
  ),
  edge: flag(
    '--edge',
    message`Also deploy a front, which starts links near each user from a read replica. Needs a domain. Later runs keep it.`,
  ),
  'no-edge': flag('--no-edge', message`Remove the front again: the Worker itself takes the domain back.`),
  'client-id': textFlag('--client-id', 'ID', message`Of your app at Withings. Or WITHINGS_CLIENT_ID.`),
  'client-secret': textFlag('--client-secret', 'S', message`Of your app at Withings. Or WITHINGS_CLIENT_SECRET.`),
  'replace-client': flag(
    '--replace-client',
    message`Accept another Withings client than before: every user has to connect again.`,
  ),
  'replace-keyring': flag(
    '--replace-keyring',
    message`Replace the Worker's keyring by KEYRING of the environment, and the front's after it.`,
  ),
  ...sharedFlags,
  import: textFlag(
    '--import',
    'DIR',
    message`Copy apps, redirect URIs, API keys and accounts from a local broker, whose state is DIR (.state).`,
  ),
  'with-people': flag(
    '--with-people',
    message`Also copy its users with their connections and measurements. Needs its KEYRING in the environment.`,
  ),
  'dry-run': flag('--dry-run', message`Show every step and build the bundle, but change nothing.`),
});
