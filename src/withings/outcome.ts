/**
 * What a call comes to: a value or a failure. A failure carries numbers and names of our own choosing, never a
 * body or an error text of Withings: either may echo a token, a code or a secret.
 */

export type Outcome<Value> = { ok: true; value: Value } | { ok: false; failure: WithingsFailure };

/**
 * `inDoubt`: the request may have taken effect although no usable answer came. A refresh in doubt may have
 * rotated the tokens, so the old refresh token is on its 8 hours and the refresh is to be repeated within them.
 */
export type WithingsFailure = FailureCause & { inDoubt: boolean };

export type FailureCause =
  /** No whole answer within the time limit. */
  | { kind: 'timeout' }
  /** The connection failed or broke off: whether before or after sending cannot be told from a `fetch`. */
  | { kind: 'network' }
  /** An HTTP status other than 200, redirects included: Withings itself answers 200 even to errors. */
  | { kind: 'http_error'; httpStatus: number }
  /** The answer went on beyond the byte limit. */
  | { kind: 'body_too_large' }
  /** HTML, nothing at all, or JSON cut short. */
  | { kind: 'not_json' }
  /** JSON, but not the answer that was asked for. `path` names the member at fault, not its value. */
  | { kind: 'malformed'; path: string }
  /** Status 601: too many requests, or the same one twice. Wait at least this long. */
  | { kind: 'throttled'; retryAfterSeconds: number }
  /** The access token is expired, superseded or revoked. */
  | { kind: 'unauthorized'; status: number }
  /** Status 403: the person granted less than the call needs. */
  | { kind: 'insufficient_scope' }
  /** Refused for its parameters: sending the same again gets the same answer. */
  | { kind: 'invalid_params'; status: number }
  /** Status 2554: no such path or action. */
  | { kind: 'not_implemented' }
  /** Trouble at Withings, or a status that means nothing to us. */
  | { kind: 'upstream_error'; status: number }
  /** The token endpoint refuses this very refresh token. */
  | { kind: 'refresh_token_rejected' }
  /** The token endpoint refuses this very authorization code: unknown, used, or older than 30 seconds. */
  | { kind: 'code_rejected' }
  /** The token or signature endpoint refuses the client id, secret or signature: the operator's to mend. */
  | { kind: 'client_rejected' };

/** A success holding `value`. */
export const ok = <Value>(value: Value): { ok: true; value: Value } => ({ ok: true, value });

/** A failure of this cause, with its `inDoubt` worked out. */
export const fail = (cause: FailureCause): { ok: false; failure: WithingsFailure } => ({
  ok: false,
  failure: { ...cause, inDoubt: mayHaveTakenEffect(cause) },
});

const mayHaveTakenEffect = (cause: FailureCause): boolean =>
  // A 4xx is a refusal by the gateway before Withings; a redirect or a 5xx may come after the deed.
  cause.kind === 'http_error' ? cause.httpStatus < 400 || cause.httpStatus >= 500 : MAY_HAVE_TAKEN_EFFECT[cause.kind];

/** Only a refusal in so many words is certain. */
const MAY_HAVE_TAKEN_EFFECT: Record<Exclude<FailureCause['kind'], 'http_error'>, boolean> = {
  timeout: true,
  network: true,
  body_too_large: true,
  not_json: true,
  malformed: true,
  upstream_error: true,
  throttled: false,
  unauthorized: false,
  insufficient_scope: false,
  invalid_params: false,
  not_implemented: false,
  refresh_token_rejected: false,
  code_rejected: false,
  client_rejected: false,
};
