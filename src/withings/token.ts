/** Validates what `/v2/oauth2` and `/v2/signature` answer. Pure. */
import { ACCESS_TOKEN_LIFETIME_SECONDS, MAX_ACCESS_TOKEN_LIFETIME_SECONDS } from './constants.ts';
import { causeOfStatus, openEnvelope, type OpenedEnvelope } from './envelope.ts';
import { fail, ok, type FailureCause, type Outcome } from './outcome.ts';
import { secret, type Secret } from './secret.ts';
import type { Answer } from './send.ts';
import { asObject, idOrNull, isTokenText, toCount } from './unverified.ts';
import type { NonceBody, TokenBody } from './wire.ts';

/** A pair of tokens. Each refresh token is new and replaces the one that was sent. */
export type TokenGrant = {
  /** Decimal digits. */
  withingsUserId: string;
  accessToken: Secret;
  refreshToken: Secret;
  /** The scopes that were granted: fewer than requested, or none. Undefined if the answer does not say. */
  scope: string[] | undefined;
  expiresInSeconds: number;
};

/**
 * Validates the answer to either grant of `requesttoken`. It needs the user id and both tokens. If the lifetime is
 * absent or absurd, the documented one is used; a missing scope stays undefined. The old refresh token is already
 * expiring, so a new one is not discarded for a detail.
 */
export const processTokenResponse = (answer: Answer): Outcome<TokenGrant> => {
  const envelope = processAuthenticatedResponse(answer);
  if (!envelope.ok) return envelope;
  const body = asObject<keyof TokenBody>(envelope.value.body);
  if (!body) return fail({ kind: 'malformed', path: 'body' });
  // A string after a code exchange, an integer after a refresh.
  const withingsUserId = toCount(body.userid);
  if (!withingsUserId) return fail({ kind: 'malformed', path: 'body.userid' });
  const { access_token: accessToken, refresh_token: refreshToken, scope } = body;
  if (!isTokenText(accessToken)) return fail({ kind: 'malformed', path: 'body.access_token' });
  if (!isTokenText(refreshToken)) return fail({ kind: 'malformed', path: 'body.refresh_token' });
  return ok({
    withingsUserId: String(withingsUserId),
    accessToken: secret(accessToken),
    refreshToken: secret(refreshToken),
    scope: typeof scope === 'string' ? splitScope(scope) : undefined,
    expiresInSeconds: lifetimeSeconds(body.expires_in),
  });
};

/** Validates the answer to `getnonce`: a nonce, valid for one call within 30 minutes. */
export const processNonceResponse = (answer: Answer): Outcome<string> => {
  const envelope = processAuthenticatedResponse(answer);
  if (!envelope.ok) return envelope;
  const nonce = asObject<keyof NonceBody>(envelope.value.body)?.nonce;
  return isTokenText(nonce) ? ok(nonce) : fail({ kind: 'malformed', path: 'body.nonce' });
};

/** Validates the answer to `revoke`, whose body is empty. */
export const processRevokeResponse = (answer: Answer): Outcome<void> => {
  const envelope = processAuthenticatedResponse(answer);
  return envelope.ok ? ok(undefined) : envelope;
};

const processAuthenticatedResponse = (answer: Answer): Outcome<OpenedEnvelope> => {
  const envelope = openEnvelope(answer);
  if (!envelope.ok || envelope.value.status === 0) return envelope;
  return fail(tokenEndpointCause(envelope.value));
};

/**
 * Decides what is an explicit rejection of a refresh token, a code or the client. This is the only place that reads an
 * error text of Withings. Withings answers status 503 to every bad parameter. Only the text distinguishes a dead
 * refresh token, after which the user must consent again, from a bug in the broker.
 *
 * - Recorded literally: 503 "Invalid Params: invalid refresh_token" (unknown, expired or superseded token) and 503
 *   "Invalid Params: invalid code" (unknown, used or late code). An older recording of the former has another length,
 *   so its text was different then.
 * - Documented without its status: "Invalid_request: The client ID was not specified".
 * - Guesses: a space for the underscore; 342 for a bad id, secret or signature (one client lists it, retired pages call
 *   it "bad signature"); every other wording about the client.
 *
 * A text that blames the client ends no connection, whatever else it says. An unknown text stays `invalid_params`,
 * which is transient while refreshing, so no connection is lost over it.
 */
export const tokenEndpointCause = (envelope: OpenedEnvelope): FailureCause => {
  const cause = causeOfStatus(envelope);
  if (cause.kind !== 'invalid_params' && cause.kind !== 'unauthorized') return cause;
  const { status, error } = envelope;
  if (status === BAD_SIGNATURE || BLAMES_CLIENT.test(error)) return { kind: 'client_rejected' };
  if (status !== BAD_PARAMETER) return cause;
  if (BLAMES_REFRESH_TOKEN.test(error)) return { kind: 'refresh_token_rejected' };
  if (BLAMES_CODE.test(error)) return { kind: 'code_rejected' };
  return cause;
};

const BAD_PARAMETER = 503;
const BAD_SIGNATURE = 342;
const BLAMES_CLIENT = /\bclient[ _](?:id|secret)\b|\binvalid[ _]client\b|\bsecret\b|\bsignature\b/i;
const BLAMES_REFRESH_TOKEN = /\binvalid refresh[ _]token\b/i;
const BLAMES_CODE = /\binvalid code\b/i;

/**
 * Withings separates scopes with commas; OAuth 2.0 (RFC 6749 section 3.3) uses spaces. Text that is no scope name is
 * dropped.
 */
const splitScope = (scope: string): string[] => scope.split(/[, ]+/).filter((name) => idOrNull(name) !== null);

const lifetimeSeconds = (expiresIn: unknown): number => {
  const seconds = toCount(expiresIn);
  return seconds && seconds <= MAX_ACCESS_TOKEN_LIFETIME_SECONDS ? seconds : ACCESS_TOKEN_LIFETIME_SECONDS;
};
