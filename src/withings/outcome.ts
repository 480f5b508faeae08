/**
 * The outcome of a call: a value or a failure. A failure holds numbers and names of this module, never a body or an
 * error text of Withings. Those may echo a token, a code or a secret.
 */

export type Outcome<Value> = { ok: true; value: Value } | { ok: false; failure: WithingsFailure };

/**
 * `inDoubt`: the request may have taken effect although no usable answer came. A refresh in doubt may have rotated the
 * tokens. The old refresh token then lives 8 hours more, and the refresh has to be repeated within them.
 */
export type WithingsFailure = FailureCause & { inDoubt: boolean };

export type FailureCause =
  /** No complete answer within the time limit. */
  | { kind: 'timeout' }
  /** The connection failed or broke off. `fetch` does not say whether before or after sending. */
  | { kind: 'network' }
  /** An HTTP status other than 200, redirects included. Withings itself answers 200 even to errors. */
  | { kind: 'http_error'; httpStatus: number }
  /** The answer exceeded the byte limit. */
  | { kind: 'body_too_large' }
  /** HTML, an empty body, or truncated JSON. */
  | { kind: 'not_json' }
  /** JSON, but not the expected answer. `path` names the wrong member, not its value. */
  | { kind: 'malformed'; path: string }
  /** Status 601: too many requests, or the same one twice. Wait at least this long. */
  | { kind: 'throttled'; retryAfterSeconds: number }
  /** The access token is expired, superseded or revoked. */
  | { kind: 'unauthorized'; status: number }
  /** Status 403: the user granted less than the call needs. */
  | { kind: 'insufficient_scope' }
  /** Refused for its parameters. The same request gets the same answer again. */
  | { kind: 'invalid_params'; status: number }
  /** Status 2554: no such path or action. */
  | { kind: 'not_implemented' }
  /** An error at Withings, or an unknown status. */
  | { kind: 'upstream_error'; status: number }
  /** The token endpoint refuses this refresh token. */
  | { kind: 'refresh_token_rejected' }
  /** The token endpoint refuses this authorization code: unknown, used, or older than 30 seconds. */
  | { kind: 'code_rejected' }
  /** The token or signature endpoint refuses the client id, secret or signature. The operator has to fix it. */
  | { kind: 'client_rejected' }
  /**
   * Status 293 or 343 to a subscription: its callback did not answer Withings' HEAD, or Withings takes no such URL.
   */
  | { kind: 'callback_refused' }
  /** Status 286, or 293 or 343 to a look-up or a revocation: there is no such subscription. */
  | { kind: 'subscription_unknown' }
  /** Status 294: Withings could not delete the subscription. */
  | { kind: 'subscription_kept' };

export const ok = <Value>(value: Value): { ok: true; value: Value } => ({ ok: true, value });

/** A failure of this cause; `inDoubt` follows from the cause. */
export const fail = (cause: FailureCause): { ok: false; failure: WithingsFailure } => ({
  ok: false,
  failure: { ...cause, inDoubt: mayHaveTakenEffect(cause) },
});

const mayHaveTakenEffect = (cause: FailureCause): boolean =>
  // A 4xx is a refusal by the gateway in front of Withings. A redirect or a 5xx may come after the request took effect.
  cause.kind === 'http_error' ? cause.httpStatus < 400 || cause.httpStatus >= 500 : MAY_HAVE_TAKEN_EFFECT[cause.kind];

/** Only an explicit refusal is certain. */
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
  callback_refused: false,
  subscription_unknown: false,
  subscription_kept: false,
};
