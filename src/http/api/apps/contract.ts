import * as z from 'zod';

import { MAX_VALID_CREDENTIALS } from '../../../domain/credential-list.ts';
import { NEWEST_DAYS } from '../../../domain/history.ts';
import { cursorOf } from '../cursors/cursor.ts';
import { instant, name, nextCursor, redirectUriText } from '../schemas.ts';

/** The HTTP contract of apps, their API keys, redirect URIs and audit trail. */

export const linkPolicy = z
  .enum(['open', 'session', 'confirm'])
  .describe(
    "Which links connect a user. `open`: any link. `session`: only links that the app's backend makes. `confirm`: any link, after the backend confirmed it.",
  );

export const sharedAccounts = z
  .enum(['allow', 'refuse'])
  .describe('Whether two users of the app may be connected to the same Withings account.');

export const historyOnConnect = z
  .enum(['all', 'recent', 'none'])
  .describe(
    `How much of the history the broker reads by itself when a user connects. \`all\`: everything, the newest first. \`recent\`: the newest ${NEWEST_DAYS} days. \`none\`: nothing of it. A requested sync reads all of it in any case.`,
  );

export const keyScope = z.enum(['read', 'sync', 'manage-links']);

const allowLoopback = z
  .boolean()
  .describe('Whether redirect URIs of the app may be `http` on a loopback address, for development.');
const refuseBrowserKeys = z
  .boolean()
  .describe("Whether API keys are refused in requests with an `Origin`, which a page's script sends.");
const demoAccount = z
  .boolean()
  .describe(
    "Whether the app's links lead to Withings' demo account, whose data is invented, instead of the person's own. For development: connections made so have `demo` set, and no figure counts them.",
  );
const appDisabled = z.boolean().describe('Whether requests for the app are refused with `app_disabled`.');

export const app = z.object({
  id: z.string().describe("The app's id, `app_` and 20 hexadecimal digits."),
  name: z.string().describe('The name for people.'),
  account_id: z.string().nullable().describe('The developer account that owns the app. Null if the operator does.'),
  link_policy: linkPolicy,
  allow_loopback: allowLoopback,
  refuse_browser_keys: refuseBrowserKeys,
  shared_accounts: sharedAccounts,
  history_on_connect: historyOnConnect,
  demo_account: demoAccount,
  disabled: appDisabled,
  created_at: instant.describe('When the app was made.'),
});

export const unfinishedDeletion = z.object({
  complete: z.literal(false).describe('Always false: send the same request again.'),
});

export const createAppRequest = z.strictObject({
  name,
  account_id: z
    .string()
    .max(100)
    .optional()
    .describe("The account that gets the app. Only the operator sends it: a developer's apps are their own."),
  history_on_connect: historyOnConnect.optional(),
});

export const updateAppRequest = z.strictObject({
  name: name.optional(),
  link_policy: linkPolicy.optional(),
  allow_loopback: allowLoopback.optional(),
  refuse_browser_keys: refuseBrowserKeys.optional(),
  shared_accounts: sharedAccounts.optional(),
  history_on_connect: historyOnConnect.optional(),
  demo_account: demoAccount.optional(),
  disabled: appDisabled.optional(),
});

export const appList = z.object({
  data: z.array(app).describe('The apps, in the order of their ids.'),
  next_cursor: nextCursor,
});

const SCOPES_TEXT =
  '`read`: status and metrics. `sync`: sync and disconnect. `manage-links`: connect sessions, user tokens, confirmations, erasure.';

export const apiKey = z.object({
  id: z.string().describe("The key's id, `key_` and 20 hexadecimal digits. It is no secret."),
  name: z.string().describe('The name for people.'),
  hint: z.string().describe("The key's last characters."),
  scopes: z.array(keyScope).describe(`What the key may do. ${SCOPES_TEXT}`),
  created_at: instant.describe('When the key was made.'),
  last_used_at: instant.nullable().describe('When the key was last used, to the hour. Null if it never was.'),
  revoked_at: instant.nullable().describe('When the key was revoked. Null if it was not.'),
});

export const createKeyRequest = z.strictObject({
  name,
  scopes: z
    .array(keyScope)
    .min(1)
    .max(keyScope.options.length)
    .optional()
    .describe(`What the key may do. ${SCOPES_TEXT} All three if absent.`),
});

/** The only answer that holds a key. */
export const createdKey = apiKey.extend({
  key: z.string().describe('The key itself. No other answer holds it: keep it now.'),
});

export const keyList = z.object({
  data: z
    .array(apiKey)
    .describe(`The app's keys, newest first: the valid ones, at most ${MAX_VALID_CREDENTIALS}, then the revoked ones.`),
  next_cursor: nextCursor,
});
export const redirectUriWarning = z.object({
  code: z
    .string()
    .describe('A stable word: `scheme_without_period`, `punycode_host` or `loopback`. More may be added.'),
  detail: z.string().describe('What may go wrong, in English.'),
});

const registeredUri = z.string().describe('The redirect URI, as it was registered.');

export const redirectUri = z.object({
  uri: registeredUri,
  warnings: z.array(redirectUriWarning).describe('What may go wrong with this URI, although it is taken.'),
  created_at: instant.describe('When it was registered.'),
});

export const registeredRedirectUri = redirectUri.omit({ created_at: true });
export const redirectUriRequest = z.strictObject({ uri: redirectUriText });
export const redirectUriList = z.object({ data: z.array(redirectUri).describe("The app's redirect URIs.") });
export const redirectUriQuery = z.strictObject({ uri: redirectUriText });

export const auditEntry = z.object({
  id: z.string().describe("The entry's id."),
  at: instant.describe('When it was done.'),
  actor: z
    .string()
    .describe(
      '`operator`, the id of a developer account or of an API key, or `user` for a person by their user token.',
    ),
  token_id: z
    .string()
    .nullable()
    .describe("The account's access token that was sent, or that signed in to the dashboard. Null if none was."),
  surface: z
    .string()
    .describe('`api`, `cli`, `dashboard` or `cron`, as the client says: it explains an entry and proves nothing.'),
  action: z.string().describe('What was done, such as `app.created` or `api_key.revoked`.'),
  app_id: z.string().nullable().describe('The app that the change concerns. Null if it concerns none.'),
  account_id: z.string().nullable().describe('The account that the change concerns, if it concerns no app.'),
  subject: z.string().describe('The id of what was changed. Of a user, a keyed hash of the id.'),
  detail: z
    .record(z.string(), z.unknown())
    .describe("What was changed to what, by the API's names. Never a secret and never a user's id."),
});
export const auditList = z.object({
  data: z.array(auditEntry).describe('The entries, newest first.'),
  next_cursor: nextCursor,
});

/** `<time>.<id>` of the last entry on a page. */
export const auditCursor = cursorOf(
  (text) => {
    const [, at, id] = /^(\d{1,15})\.(audit_[0-9a-f]{20})$/.exec(text) ?? [];
    return at === undefined || id === undefined ? undefined : { at: Number(at), id };
  },
  ({ at, id }) => `${at}.${id}`,
);
export const auditQuery = z.strictObject({
  cursor: auditCursor.optional().describe('The `next_cursor` of the page before. Without it, the first page.'),
});

/** Whether `auth` would accept a redirect URI, and how it differs if not. */
export const redirectUriTest = z.object({
  matches: z.boolean().describe('Whether an authorization request with this URI is taken.'),
  registered: z
    .string()
    .nullable()
    .describe('The registered URI that permits it, or else the nearest. Null if none is near.'),
  differences: z
    .array(z.string())
    .describe('Stable words for how it differs from the nearest: `case`, `port`, `trailing_slash` and others.'),
  explanation: z.string().nullable().describe('The differences in English. Null if it matches.'),
});
