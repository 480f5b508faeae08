import { MAX_VALID_CREDENTIALS } from '../domain/credential-list.ts';
import type { Failure } from '../domain/failure.ts';
import { MAX_REDIRECT_URIS_PER_APP } from '../domain/redirect-uri/registration.ts';
import { describeUrlRefusal } from '../domain/webhooks/endpoint-url.ts';
import { MAX_ENDPOINTS_PER_APP } from '../domain/webhooks/limits.ts';
import { later, problem, type ProblemText } from './problem-format.ts';
import { installCommand } from './public-url.ts';
import { registerCommand } from './register-command.ts';

/** The text of each failure, in every format and in the reference. A kind without an entry does not compile. */
const PROBLEMS: {
  [Kind in Failure['kind']]: (failure: Extract<Failure, { kind: Kind }>, origin: string) => ProblemText;
} = {
  credential_missing: (failure) =>
    failure.wanted === 'api_key'
      ? problem(
          401,
          'api_key_missing',
          'API key missing',
          "Send the app's key as `X-API-Key`, or a user token as `Authorization: Bearer`.",
        )
      : problem(
          401,
          'access_token_missing',
          'Access token missing',
          'Send an access token as `Authorization: Bearer`.',
        ),
  credential_invalid: (failure) =>
    failure.wanted === 'api_key'
      ? problem(
          401,
          'invalid_api_key',
          'API key not valid',
          'The key is mistyped, revoked or unknown, or the token has expired. Create a new key, or mint a new user token.',
        )
      : problem(401, 'invalid_access_token', 'Access token not valid', 'The token is mistyped, expired or revoked.'),
  scope_missing: (failure) =>
    problem(
      403,
      'insufficient_scope',
      'Key lacks a scope',
      `This key lacks the scope "${failure.scope}". Create one that has it.`,
    ),
  user_token_not_taken: () =>
    problem(
      403,
      'user_token_not_taken',
      'User token not taken here',
      "A user token is for its user's sync, status, metrics and disconnect. This takes the app's key, from its backend.",
    ),
  browser_key_refused: () =>
    problem(
      403,
      'browser_key_refused',
      'API key refused from a page',
      'This app refuses its API keys in requests with an `Origin` header. Let the backend mint a user token for the page.',
    ),
  operator_only: () =>
    problem(403, 'operator_only', 'For the operator', "This takes the operator's token: it concerns all accounts."),
  account_needed: () =>
    problem(
      409,
      'account_needed',
      'No account',
      "The operator's token is a setting of the Worker and has no account. Name one: /accounts/{account_id}/tokens.",
    ),
  app_changed: () =>
    problem(
      412,
      'app_changed',
      'App has changed',
      'This app changed after you read it. Read it again and repeat your change.',
    ),
  app_not_found: (failure) =>
    problem(
      404,
      'app_not_found',
      'No such app',
      failure.withoutCredential === true
        ? 'There is no app with this id. Check the app id in the link.'
        : 'There is no app with this id, or the credential belongs to another app or developer. Check the app id.',
    ),
  app_disabled: () =>
    problem(403, 'app_disabled', 'App disabled', 'This app is disabled. Its owner can enable it again.'),
  invalid_parameter: (failure) =>
    problem(400, 'invalid_parameter', 'Invalid parameter', `${failure.parameter}: ${failure.detail}`),
  not_found: (failure) => problem(404, 'not_found', 'Not found', `There is no such ${failure.what}.`),
  redirect_uri_not_registrable: (failure) =>
    problem(422, 'redirect_uri_not_registrable', 'Redirect URI not registrable', failure.refusal.detail),
  too_many_redirect_uris: () =>
    problem(
      409,
      'too_many_redirect_uris',
      'Too many redirect URIs',
      `An app has at most ${MAX_REDIRECT_URIS_PER_APP}. Remove one first.`,
    ),
  webhook_url_not_allowed: (failure) =>
    problem(422, 'webhook_url_not_allowed', 'Webhook URL not allowed', describeUrlRefusal(failure.refusal)),
  too_many_webhooks: () =>
    problem(
      409,
      'too_many_webhooks',
      'Too many webhooks',
      `An app has at most ${MAX_ENDPOINTS_PER_APP}. Remove one first.`,
    ),
  webhook_disabled: () =>
    problem(409, 'webhook_disabled', 'Webhook disabled', 'This endpoint is disabled. Enable it first.'),
  too_many_keys: () =>
    problem(
      409,
      'too_many_keys',
      'Too many API keys',
      `An app has at most ${MAX_VALID_CREDENTIALS} valid keys. Revoke one first.`,
    ),
  too_many_access_tokens: () =>
    problem(
      409,
      'too_many_access_tokens',
      'Too many access tokens',
      `An account has at most ${MAX_VALID_CREDENTIALS} valid tokens. Revoke one first.`,
    ),
  storage_unavailable: (failure) =>
    failure.trouble === 'full'
      ? databaseFull(failure)
      : later(
          503,
          'storage_unavailable',
          'Storage unavailable',
          'The database did not answer. Nothing is lost: try again.',
          failure,
        ),
  database_full: (failure) => databaseFull(failure),
  withings_unavailable: (failure) =>
    later(
      503,
      'withings_unavailable',
      'Withings unavailable',
      `Withings did not answer as it should (${failure.cause}). Nothing is lost: try again.`,
      failure,
    ),
  over_share: (failure) =>
    later(
      429,
      'withings_share_used',
      'Too many requests to Withings',
      "The share of Withings' requests a minute is used up. Try again after the pause.",
      failure,
    ),
  rate_limited: (failure) => later(429, 'rate_limited', 'Too many requests', 'Try again after the pause.', failure),
  redirect_uri_not_allowed: (failure, origin) =>
    problem(400, 'redirect_uri_not_allowed', 'redirect_uri not allowed', notAllowedDetail(failure, origin)),
  state_invalid: () =>
    problem(
      400,
      'invalid_state',
      'Link not valid',
      'This answer does not belong to a link that was started here. Start again from the app.',
    ),
  state_expired: () =>
    problem(400, 'state_expired', 'Link expired', 'The link was opened too long ago. Start again from the app.'),
  session_required: () =>
    problem(
      403,
      'connect_session_required',
      'Connect session required',
      'This app takes only links that its backend makes: POST …/withings/connect-sessions.',
    ),
  account_in_use: () =>
    problem(
      409,
      'account_in_use',
      'Withings account in use',
      'Another user of this app is connected to this Withings account, and the app refuses that.',
    ),
  already_connected: () =>
    problem(
      409,
      'already_connected',
      'User already connected',
      "The link was to Withings' demo account, and the user is connected to an account of their own.",
    ),
  wrong_user: () =>
    problem(
      403,
      'wrong_user',
      "Another user's ticket",
      'The link that this ticket came from was made for another user. Do not confirm it.',
    ),
  not_connected: () =>
    problem(409, 'not_connected', 'User not connected', 'Send the user to /apps/{app_id}/withings/auth first.'),
  reauth_required: (failure) =>
    problem(
      409,
      'reauth_required',
      'User must connect again',
      `Withings no longer accepts this connection (${failure.reason}). Send the user to /apps/{app_id}/withings/auth again: the history is kept.`,
    ),
  refresh_in_progress: (failure) =>
    later(
      503,
      'refresh_in_progress',
      'Refresh under way',
      'The tokens are being refreshed. Try again after the pause.',
      failure,
    ),
  sync_in_progress: (failure) =>
    later(
      503,
      'sync_in_progress',
      'Sync under way',
      'Another sync of this user is running. Try again after the pause.',
      failure,
    ),
  sealing_key_missing: () =>
    problem(
      503,
      'sealing_key_missing',
      'Broker misconfigured',
      "The broker's keyring lacks the key of this connection. Its operator has to put it back; nothing is lost.",
    ),
};

const notAllowedDetail = (
  { explanation, wanted }: Extract<Failure, { kind: 'redirect_uri_not_allowed' }>,
  origin: string,
): string => {
  const command = wanted && registerCommand(wanted.appId, wanted.uri);
  return [
    "redirect_uri not allowed: it is not one of the app's registered URIs, compared byte for byte.",
    ...(explanation === undefined ? [] : [explanation]),
    `Register it with \`${command ?? 'mushu health redirect-uri add'}\`, or in the dashboard.`,
    `\`${installCommand(origin)}\` installs that command.`,
  ].join(' ');
};

/** @param origin where the broker is reached, for commands and links */
export const problemOf = <Kind extends Failure['kind']>(
  failure: Extract<Failure, { kind: Kind }>,
  origin: string,
): ProblemText => PROBLEMS[failure.kind](failure, origin);

const databaseFull = (failure: { retryAfterSeconds: number }): ProblemText =>
  later(
    503,
    'database_full',
    'Database full',
    'The database is full, or too full to read a history into it. Nothing is lost. The operator has to make room.',
    failure,
  );
