import type { AppId } from './app-id.ts';
import type { RedirectUriWarning } from './redirect-uri/registration.ts';
import type { EpochMs } from './time.ts';

/**
 * Which links an app accepts.
 * - `open`: any link with a `user_id` makes an active connection; it never replaces a live one to another Withings
 *   account.
 * - `session`: only links that the app's backend created.
 * - `confirm`: a link makes a pending connection; the app's backend confirms it with the ticket from the redirect.
 */
export type LinkPolicy = 'open' | 'session' | 'confirm';

/** Whether a link to a Withings account of another user of the app is accepted (and marked as shared) or refused. */
export type SharedAccounts = 'allow' | 'refuse';

/**
 * How much of a user's history the broker reads by itself when the user connects: everything, the newest 90 days, or
 * nothing of it. A requested sync reads all of it whatever this says.
 */
export type HistoryOnConnect = 'all' | 'recent' | 'none';

/** A tenant with its own users, keys and redirect URIs. */
export type App = {
  id: AppId;
  name: string;
  /** The developer account that owns it; undefined if the operator does. */
  accountId: string | undefined;
  linkPolicy: LinkPolicy;
  allowLoopback: boolean;
  /**
   * Whether API keys are refused in requests with an `Origin`, which a page's script sends. A key in a page can read
   * every user.
   */
  refuseBrowserKeys: boolean;
  sharedAccounts: SharedAccounts;
  historyOnConnect: HistoryOnConnect;
  /** Whether its links lead to Withings' demo account, not to the person's own. */
  demoAccount: boolean;
  disabledAt: EpochMs | undefined;
  createdAt: EpochMs;
};

/** What a developer may change of an app. */
export const APP_SETTINGS = [
  'name',
  'linkPolicy',
  'allowLoopback',
  'refuseBrowserKeys',
  'sharedAccounts',
  'historyOnConnect',
  'demoAccount',
] as const satisfies readonly (keyof App)[];
type AppSetting = (typeof APP_SETTINGS)[number];

/** Changes of an app; absent settings stay. */
export type AppSettings = { [Setting in AppSetting]?: App[Setting] | undefined };

export type RedirectUri = { id: string; uri: string; warnings: RedirectUriWarning[]; createdAt: EpochMs };

/** What an API key may do: read data, sync, or create and confirm links. */
export const KEY_SCOPES = ['read', 'sync', 'manage-links'] as const;
export type KeyScope = (typeof KEY_SCOPES)[number];

/** An API key's public data, never the key itself. */
export type ApiKey = {
  id: string;
  name: string;
  hint: string;
  scopes: KeyScope[];
  createdAt: EpochMs;
  lastUsedAt: EpochMs | undefined;
  revokedAt: EpochMs | undefined;
};

/**
 * What a request is for. `flow`: links, tokens, syncs and body data. `personal_right`: the export, the erasure and the
 * end of a connection, which a person may ask for whatever the state of the app.
 */
export type Purpose = 'flow' | 'personal_right';

/** Decides, for every entrance, whether anything may be done for an app: a disabled app can do nothing. */
export const mayServe = (appIsDisabled: boolean, purpose: Purpose): boolean =>
  !appIsDisabled || purpose === 'personal_right';
