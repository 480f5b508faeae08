import type { AppId } from './app-id.ts';
import type { RedirectUriRefusal } from './redirect-uri/registration.ts';
import type { UrlRefusal } from './webhooks/endpoint-url.ts';

/**
 * Every expected failure of a use case, each with its details. One switch per entry point maps a kind to an answer; the
 * API's is `http/problem-text.ts`. So a new kind does not compile until it has an answer everywhere.
 *
 * No member contains a token, a code, a key or a body of Withings.
 */
export type Failure =
  | CredentialFailure
  | RequestFailure
  | LinkFailure
  | ConnectionFailure
  | StorageFailure
  | DatabaseFull
  | WithingsUnavailable
  | { kind: 'over_share'; retryAfterSeconds: number }
  | { kind: 'rate_limited'; retryAfterSeconds: number };

export type CredentialFailure =
  | { kind: 'credential_missing'; wanted: 'api_key' | 'access_token' }
  | { kind: 'credential_invalid'; wanted: 'api_key' | 'access_token' }
  | { kind: 'scope_missing'; scope: string }
  | { kind: 'user_token_not_taken' }
  | { kind: 'browser_key_refused' }
  | { kind: 'operator_only' }
  | { kind: 'account_needed' }
  /** `withoutCredential`: none is asked for, so that none can belong to another app. */
  | { kind: 'app_not_found'; withoutCredential?: true }
  | { kind: 'app_changed' }
  | { kind: 'app_disabled' };

export type RequestFailure =
  | { kind: 'invalid_parameter'; parameter: string; detail: string }
  | { kind: 'not_found'; what: string }
  | { kind: 'redirect_uri_not_registrable'; refusal: RedirectUriRefusal }
  | { kind: 'too_many_redirect_uris' }
  | { kind: 'too_many_keys' }
  | { kind: 'too_many_access_tokens' }
  | { kind: 'webhook_url_not_allowed'; refusal: UrlRefusal }
  | { kind: 'too_many_webhooks' }
  | { kind: 'webhook_disabled' };

export type LinkFailure =
  | {
      kind: 'redirect_uri_not_allowed';
      explanation: string | undefined;
      /** What could be registered; undefined if nothing could, or is known. */
      wanted: { appId: AppId; uri: string } | undefined;
    }
  | { kind: 'state_invalid' }
  | { kind: 'state_expired' }
  | { kind: 'session_required' }
  | { kind: 'wrong_user' }
  | { kind: 'account_in_use' }
  | { kind: 'already_connected' };

export type ConnectionFailure =
  | { kind: 'not_connected' }
  | { kind: 'reauth_required'; reason: ReauthReason }
  | { kind: 'refresh_in_progress'; retryAfterSeconds: number }
  | { kind: 'sync_in_progress'; retryAfterSeconds: number }
  | { kind: 'sealing_key_missing' };

/** D1 or KV failed. A write may have been applied even so. */
export type StorageFailure = {
  kind: 'storage_unavailable';
  store: 'd1' | 'kv';
  /** What kind of D1's trouble it is: see `D1Trouble`. */
  trouble?: 'transient' | 'overloaded' | 'used_up' | 'spent' | 'full' | 'too_heavy';
  retryAfterSeconds: number;
};

/** The database is nearly full: histories are not read, so that all else has room. */
export type DatabaseFull = { kind: 'database_full'; retryAfterSeconds: number };

/** Withings did not answer, answered with an error of its own, or asked to wait. */
export type WithingsUnavailable = { kind: 'withings_unavailable'; cause: string; retryAfterSeconds: number };

/**
 * Why a user has to consent again: Withings rejected both the refresh token and the previous one, or access tokens that
 * were just refreshed, or withdrew the scope, or the stored tokens no longer open.
 */
export const REAUTH_REASONS = [
  'refresh_token_rejected',
  'access_token_rejected',
  'insufficient_scope',
  'seal_broken',
] as const;
export type ReauthReason = (typeof REAUTH_REASONS)[number];
