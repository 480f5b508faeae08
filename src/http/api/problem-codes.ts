/**
 * Every error code of the API with its HTTP status: what clients decide by. Codes are added, never renamed. Nothing is imported here, so
 * that clients share it.
 */
export const PROBLEM_STATUS = {
  api_key_missing: 401,
  access_token_missing: 401,
  invalid_api_key: 401,
  invalid_access_token: 401,
  insufficient_scope: 403,
  user_token_not_taken: 403,
  browser_key_refused: 403,
  operator_only: 403,
  account_needed: 409,
  app_not_found: 404,
  app_changed: 412,
  app_disabled: 403,
  invalid_parameter: 400,
  not_found: 404,
  redirect_uri_not_registrable: 422,
  too_many_redirect_uris: 409,
  storage_unavailable: 503,
  withings_unavailable: 503,
  withings_share_used: 429,
  rate_limited: 429,
  redirect_uri_not_allowed: 400,
  invalid_state: 400,
  state_expired: 400,
  connect_session_required: 403,
  wrong_user: 403,
  account_in_use: 409,
  not_connected: 409,
  reauth_required: 409,
  refresh_in_progress: 503,
  sync_in_progress: 503,
  sealing_key_missing: 503,
  method_not_allowed: 405,
  invalid_body: 400,
  body_too_large: 413,
  internal_error: 500,
  bad_environment: 500,
} as const;

export type ProblemCode = keyof typeof PROBLEM_STATUS;
