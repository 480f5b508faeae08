import type { RedirectUriRefusal } from './redirect-uri/registration.ts';

/**
 * Everything expected that can end a use case early, each with its evidence. One switch per entrance turns a kind into an answer
 * (`http/problem.ts` for the API), so that adding a kind breaks the build until every entrance says what it means there.
 *
 * No member carries a token, a code, a key or a body of Withings.
 */
export type Failure =
  | CredentialFailure
  | RequestFailure
  | LinkFailure
  | ConnectionFailure
  | StorageFailure
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
  | { kind: 'app_not_found' }
  | { kind: 'app_changed' }
  | { kind: 'app_disabled' };

export type RequestFailure =
  | { kind: 'invalid_parameter'; parameter: string; detail: string }
  | { kind: 'not_found'; what: string }
  | { kind: 'redirect_uri_not_registrable'; refusal: RedirectUriRefusal }
  | { kind: 'too_many_redirect_uris'; most: number };

export type LinkFailure =
  | { kind: 'redirect_uri_not_allowed'; explanation: string | undefined }
  | { kind: 'state_invalid' }
  | { kind: 'state_expired' }
  | { kind: 'session_required' }
  | { kind: 'wrong_user' }
  | { kind: 'account_in_use' };

export type ConnectionFailure =
  | { kind: 'not_connected' }
  | { kind: 'reauth_required'; reason: ReauthReason }
  | { kind: 'refresh_in_progress'; retryAfterSeconds: number }
  | { kind: 'sync_in_progress'; retryAfterSeconds: number }
  | { kind: 'sealing_key_missing' };

/** D1 or KV did not do what was asked. A write may have been applied all the same. */
export type StorageFailure = { kind: 'storage_unavailable'; store: 'd1' | 'kv'; retryAfterSeconds: number };

/** Withings did not answer, answered an error of its own, or asked to wait. */
export type WithingsUnavailable = { kind: 'withings_unavailable'; cause: string; retryAfterSeconds: number };

/**
 * Why a person has to consent again: Withings rejected the refresh token and the one before it, or took the scope away, or our
 * copy of the tokens no longer opens.
 */
export type ReauthReason = 'refresh_token_rejected' | 'insufficient_scope' | 'seal_broken';
