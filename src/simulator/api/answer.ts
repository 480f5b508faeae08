import type { ErrorEnvelope, SuccessEnvelope } from '../../withings/wire.ts';
import type { Settings } from '../settings.ts';

/** An operation's answer before it is encoded. */
export type Answer = Success | Refusal;

/** It arrives `delayMs` later. */
type Success = { status: 0; body: unknown; delayMs?: number | undefined };

/** `waitSeconds` goes with a 601 only. */
export type Refusal = { status: number; error: string; waitSeconds?: number | undefined };

export const success = (body: unknown): Success => ({ status: 0, body });

/** A refusal: HTTP 200 with a non-zero status. Texts are as recorded where a recording exists. */
export const refusal = (status: number, error: string): Refusal => ({ status, error });

export const invalidParams = (what: string): Refusal => refusal(503, `Invalid Params: invalid ${what}`);

export const notImplemented: Refusal = refusal(2554, 'Not implemented');

export const invalidToken: Refusal = refusal(
  401,
  'XRequestID: Not provided invalid_token: The access token provided is invalid',
);

export const insufficientScope: Refusal = refusal(
  403,
  'XRequestID: [Not provided] - Insufficient_scope: The request requires higher privileges than provided by the access token',
);

/** JSON as PHP's encoder writes it: compact, slashes escaped, everything outside ASCII as `\uXXXX`. */
export const phpJson = (value: unknown): string =>
  JSON.stringify(value)
    .replaceAll('/', '\\/')
    .replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

const emptyBodies = { object: {}, array: [], null: null, absent: undefined };

/** The envelope that travels: `status`, `body`, `error`, in this order; an absent part is left out. */
export const envelope = (answer: Answer, settings: Settings): SuccessEnvelope<unknown> | ErrorEnvelope => {
  if ('body' in answer) return { status: 0, body: answer.body };
  const body =
    answer.waitSeconds === undefined ? emptyBodies[settings.errorBody] : { wait_seconds: answer.waitSeconds };
  return { status: answer.status, ...(body === undefined ? {} : { body }), error: answer.error };
};

/** Withings answers HTTP 200 to every outcome. */
export const jsonResponse = (text: string, httpStatus = 200): Response =>
  new Response(text, { status: httpStatus, headers: { 'content-type': 'application/json' } });
