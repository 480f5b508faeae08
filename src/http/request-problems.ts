import { later, problem } from './problem-format.ts';

export const MAX_BODY_BYTES = 64 * 1024;

/** Errors before any use case is called. */
export const REQUEST_PROBLEMS = {
  nothingHere: problem(404, 'not_found', 'Not found', 'There is nothing at this path. See the API reference at /docs.'),
  httpsRequired: problem(
    403,
    'https_required',
    'HTTPS required',
    'The request came over plain HTTP. Use https://. Replace any key or token that it carried: it could be read on the way.',
  ),
  methodNotAllowed: (allowed: readonly string[]) =>
    problem(405, 'method_not_allowed', 'Method not allowed', `This path takes ${allowed.join(', ')}.`),
  invalidBody: problem(
    400,
    'invalid_body',
    'Invalid body',
    'The body is not JSON. Send a JSON object with `Content-Type: application/json`.',
  ),
  notSentAsJson: problem(
    400,
    'invalid_body',
    'Invalid body',
    'The body was not sent as JSON. Send a JSON object with the header `Content-Type: application/json`. Without the header, `curl -d` sends a form.',
  ),
  notAcceptable: (types: readonly string[]) =>
    problem(
      406,
      'not_acceptable',
      'Not acceptable',
      `This route answers as ${types.join(' or ')}, and the request takes none of them.`,
    ),
  bodyTooLarge: problem(413, 'body_too_large', 'Body too large', `Send at most ${MAX_BODY_BYTES} bytes.`),
  internalError: problem(
    500,
    'internal_error',
    'Internal error',
    'This is a mistake of ours. Tell the operator the request id.',
  ),
  notServing: (doesAnswer: boolean) => ({
    ...problem(
      503,
      'not_serving',
      'Broker cannot serve',
      doesAnswer
        ? 'The database lacks migrations that this version needs. Its operator deploys again.'
        : 'The database does not answer. Try again in a moment.',
    ),
    retryAfterSeconds: 10,
  }),
  paused: later(
    503,
    'paused',
    'Broker paused',
    'The operator has paused the broker for some minutes, to restore its database. Nothing was changed. Try again after Retry-After.',
    { retryAfterSeconds: 60 },
  ),
  badEnvironment: problem(
    500,
    'bad_environment',
    'Broker misconfigured',
    'The broker is not set up. Its operator finds the reason in the log.',
  ),
} as const;
