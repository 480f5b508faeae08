import type { EpochMs } from './time.ts';

/**
 * Who may link whom.
 * - `open`: any link with a `user_id` makes an active connection; it never replaces a live one to another Withings account.
 * - `session`: only links that the app's backend minted are taken.
 * - `confirm`: a link makes a pending connection; the app's backend confirms it with the ticket from the redirect.
 */
export type LinkPolicy = 'open' | 'session' | 'confirm';

/** What becomes of a link to a Withings account that another user of the app is linked to already: noted as a conflict, or refused. */
export type SharedAccounts = 'allow' | 'refuse';

/** A tenant: something a developer builds, with its own users, keys and redirect URIs. */
export type App = {
  id: string;
  name: string;
  /** The developer account that owns it; undefined where the operator does. */
  accountId: string | undefined;
  linkPolicy: LinkPolicy;
  allowLoopback: boolean;
  /** Whether API keys are refused in requests with an `Origin`, which a page's script sends: a key in a page reads every user. */
  refuseBrowserKeys: boolean;
  sharedAccounts: SharedAccounts;
  disabledAt: EpochMs | undefined;
  createdAt: EpochMs;
};

/** One string that an app may be answered at. */
export type RedirectUri = { id: string; uri: string; warnings: string[]; createdAt: EpochMs };

/** What an API key may do: read data, pull data, or mint and confirm links. */
export const KEY_SCOPES = ['read', 'sync', 'manage-links'] as const;
export type KeyScope = (typeof KEY_SCOPES)[number];

/** An API key as it may be shown: never the key itself. */
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
 * What a request is for. `flow`: links, tokens, syncs and body data. `personal_right`: what a person may ask for whatever became of the app,
 * which is their export, their erasure and the end of their connection.
 */
export type Purpose = 'flow' | 'personal_right';

/** Decides, for every entrance, whether anything may be done for an app: nothing flows while it is disabled, whoever asks. */
export const mayServe = (appIsDisabled: boolean, purpose: Purpose): boolean =>
  !appIsDisabled || purpose === 'personal_right';
