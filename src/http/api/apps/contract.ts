import * as z from 'zod';

import { cursorOf } from '../cursor.ts';
import { instant, name, redirectUriText } from '../schemas.ts';

/** The HTTP contract of apps, their API keys, redirect URIs and audit trail. */

export const linkPolicy = z.enum(['open', 'session', 'confirm']);

/** What becomes of a link to a Withings account that another user of the app is linked to already. */
export const sharedAccounts = z.enum(['allow', 'refuse']);

export const keyScope = z.enum(['read', 'sync', 'manage-links']);

export const app = z.object({
  id: z.string(),
  name: z.string(),
  /** The developer account that owns it; null where the operator does. */
  account_id: z.string().nullable(),
  link_policy: linkPolicy,
  allow_loopback: z.boolean(),
  /** Whether API keys are refused in requests that carry an `Origin`: those of a page's script. */
  refuse_browser_keys: z.boolean(),
  shared_accounts: sharedAccounts,
  disabled: z.boolean(),
  created_at: instant,
});

export const createAppRequest = z.strictObject({
  name,
  /** Which account gets the app; the operator's to say. A developer's apps are their own. */
  account_id: z.string().max(100).optional(),
});

export const updateAppRequest = z.strictObject({
  name: name.optional(),
  link_policy: linkPolicy.optional(),
  allow_loopback: z.boolean().optional(),
  refuse_browser_keys: z.boolean().optional(),
  shared_accounts: sharedAccounts.optional(),
  disabled: z.boolean().optional(),
});

export const appList = z.object({ data: z.array(app), next_cursor: z.string().nullable() });

export const apiKey = z.object({
  id: z.string(),
  name: z.string(),
  /** The key's last characters. */
  hint: z.string(),
  scopes: z.array(keyScope),
  created_at: instant,
  last_used_at: instant.nullable(),
  revoked_at: instant.nullable(),
});

export const createKeyRequest = z.strictObject({ name, scopes: z.array(keyScope).min(1).optional() });

/** The only answer that holds a key. */
export const createdKey = apiKey.extend({ key: z.string() });

export const keyList = z.object({ data: z.array(apiKey) });
export const redirectUriWarning = z.object({ code: z.string(), detail: z.string() });

export const redirectUri = z.object({
  uri: z.string(),
  warnings: z.array(redirectUriWarning),
  created_at: instant,
});

export const registeredRedirectUri = redirectUri.omit({ created_at: true });
export const redirectUriRequest = z.strictObject({ uri: redirectUriText });
export const redirectUriList = z.object({ data: z.array(redirectUri) });
export const redirectUriQuery = z.object({ uri: redirectUriText });

export const auditEntry = z.object({
  id: z.string(),
  at: instant,
  /** `operator`, the id of a developer account or of an API key, or `user` for a person by their own user token. */
  actor: z.string(),
  /** The account's access token that was shown, or that signed in to the dashboard. */
  token_id: z.string().nullable(),
  /** `api`, `cli`, `dashboard` or `cron`, as the client says. */
  surface: z.string(),
  action: z.string(),
  app_id: z.string().nullable(),
  /** The account that the change concerns, where it concerns no app. */
  account_id: z.string().nullable(),
  /** The id of what was changed; of a user, a keyed hash. */
  subject: z.string(),
  detail: z.record(z.string(), z.unknown()),
});

export const auditList = z.object({ data: z.array(auditEntry), next_cursor: z.string().nullable() });

/** `<time>.<id>` of the last entry on a page. */
export const auditCursor = cursorOf(
  (text) => {
    const [, at, id] = /^(\d{1,15})\.(audit_[0-9a-f]{20})$/.exec(text) ?? [];
    return at === undefined || id === undefined ? undefined : { at: Number(at), id };
  },
  ({ at, id }) => `${at}.${id}`,
);
export const auditQuery = z.object({ cursor: auditCursor.optional() });

/** Whether an authorization request with a redirect URI would be taken, and what differs if not. */
export const redirectUriTest = z.object({
  matches: z.boolean(),
  /** The registered URI that permits it, else the nearest one. */
  registered: z.string().nullable(),
  /** `case`, `port`, `trailing_slash`, …: how it differs from the nearest. */
  differences: z.array(z.string()),
  explanation: z.string().nullable(),
});
