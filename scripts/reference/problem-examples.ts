import { asAppId } from '../../src/domain/app-id.ts';
import type { Failure } from '../../src/domain/failure.ts';
import type { ProblemCode } from '../../src/http/api/problem-codes.ts';
import type { ProblemText } from '../../src/http/problem-format.ts';
import { problemOf } from '../../src/http/problem-text.ts';
import { REQUEST_PROBLEMS } from '../../src/http/request-problems.ts';

/** One failure of each kind, and of each code that a kind can become. A missing kind does not compile. */
const FAILURES: { [Kind in Failure['kind']]: readonly Extract<Failure, { kind: Kind }>[] } = {
  credential_missing: [
    { kind: 'credential_missing', wanted: 'api_key' },
    { kind: 'credential_missing', wanted: 'access_token' },
  ],
  credential_invalid: [
    { kind: 'credential_invalid', wanted: 'api_key' },
    { kind: 'credential_invalid', wanted: 'access_token' },
  ],
  user_token_not_taken: [{ kind: 'user_token_not_taken' }],
  browser_key_refused: [{ kind: 'browser_key_refused' }],
  scope_missing: [{ kind: 'scope_missing', scope: 'sync' }],
  operator_only: [{ kind: 'operator_only' }],
  account_needed: [{ kind: 'account_needed' }],
  app_changed: [{ kind: 'app_changed' }],
  app_not_found: [{ kind: 'app_not_found' }],
  app_disabled: [{ kind: 'app_disabled' }],
  invalid_parameter: [
    { kind: 'invalid_parameter', parameter: 'user_id', detail: 'Missing. Send it once, percent-encoded.' },
  ],
  not_found: [{ kind: 'not_found', what: 'connection' }],
  redirect_uri_not_registrable: [
    {
      kind: 'redirect_uri_not_registrable',
      refusal: { reason: 'fragment', detail: 'A redirect URI has no fragment (#…).' },
    },
  ],
  webhook_url_not_allowed: [{ kind: 'webhook_url_not_allowed', refusal: 'not_https' }],
  too_many_webhooks: [{ kind: 'too_many_webhooks' }],
  webhook_disabled: [{ kind: 'webhook_disabled' }],
  too_many_redirect_uris: [{ kind: 'too_many_redirect_uris' }],
  too_many_keys: [{ kind: 'too_many_keys' }],
  too_many_access_tokens: [{ kind: 'too_many_access_tokens' }],
  redirect_uri_not_allowed: [
    {
      kind: 'redirect_uri_not_allowed',
      explanation: 'A registered one ends in a slash, this one does not.',
      wanted: { appId: asAppId('app_6f1d2c'), uri: 'womoji://withings/success' },
    },
  ],
  state_invalid: [{ kind: 'state_invalid' }],
  state_expired: [{ kind: 'state_expired' }],
  session_required: [{ kind: 'session_required' }],
  account_in_use: [{ kind: 'account_in_use' }],
  already_connected: [{ kind: 'already_connected' }],
  wrong_user: [{ kind: 'wrong_user' }],
  not_connected: [{ kind: 'not_connected' }],
  reauth_required: [{ kind: 'reauth_required', reason: 'refresh_token_rejected' }],
  refresh_in_progress: [{ kind: 'refresh_in_progress', retryAfterSeconds: 2 }],
  sync_in_progress: [{ kind: 'sync_in_progress', retryAfterSeconds: 5 }],
  sealing_key_missing: [{ kind: 'sealing_key_missing' }],
  storage_unavailable: [{ kind: 'storage_unavailable', store: 'd1', retryAfterSeconds: 1 }],
  withings_unavailable: [{ kind: 'withings_unavailable', cause: 'timeout', retryAfterSeconds: 30 }],
  database_full: [{ kind: 'database_full', retryAfterSeconds: 3_600 }],
  over_share: [{ kind: 'over_share', retryAfterSeconds: 12 }],
  rate_limited: [{ kind: 'rate_limited', retryAfterSeconds: 60 }],
};

const texts: readonly ProblemText[] = [
  ...Object.values(FAILURES)
    .flat()
    .map((failure) => problemOf(failure, 'https://broker.example.com')),
  REQUEST_PROBLEMS.httpsRequired,
  REQUEST_PROBLEMS.invalidBody,
  REQUEST_PROBLEMS.bodyTooLarge,
  REQUEST_PROBLEMS.methodNotAllowed(['GET']),
  REQUEST_PROBLEMS.notAcceptable(['application/json']),
  REQUEST_PROBLEMS.internalError,
  REQUEST_PROBLEMS.badEnvironment,
  REQUEST_PROBLEMS.notServing(false),
  REQUEST_PROBLEMS.paused,
];

/** The API's answer to each code, as an example. Codes that no operation uses have none. */
export const PROBLEM_EXAMPLES: ReadonlyMap<ProblemCode, ProblemText> = new Map(texts.map((text) => [text.code, text]));
