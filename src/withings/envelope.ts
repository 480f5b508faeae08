/** The envelope around every answer, and what its status means. Pure. */
import { MAX_THROTTLE_WAIT_SECONDS, MIN_THROTTLE_WAIT_SECONDS } from './constants.ts';
import { fail, ok, type FailureCause, type Outcome } from './outcome.ts';
import type { Answer } from './send.ts';
import { asObject, isInteger, toCount } from './unverified.ts';
import type { ErrorEnvelope } from './wire.ts';

/** `error` is for `tokenEndpointCause` alone and goes no further. */
export type OpenedEnvelope = { status: number; body: unknown; error: string };

/**
 * Opens an answer: in, HTTP status and text; out, status, body and error text of the envelope, unjudged.
 * Failures: `http_error`, `throttled` (HTTP 429), `not_json`, `malformed`.
 */
export const openEnvelope = ({ httpStatus, text }: Answer): Outcome<OpenedEnvelope> => {
  // Withings says 601 inside a 200; a gateway before it would say 429.
  if (httpStatus === 429) return fail({ kind: 'throttled', retryAfterSeconds: MIN_THROTTLE_WAIT_SECONDS });
  if (httpStatus !== 200) return fail({ kind: 'http_error', httpStatus });
  const json = parseJson(text);
  if (!json.ok) return json;
  const envelope = asObject<keyof ErrorEnvelope>(json.value);
  if (!envelope) return fail({ kind: 'malformed', path: '' });
  const { status, body, error } = envelope;
  if (!isInteger(status)) return fail({ kind: 'malformed', path: 'status' });
  return ok({ status, body, error: typeof error === 'string' ? error : '' });
};

const parseJson = (text: string): Outcome<unknown> => {
  try {
    return ok(JSON.parse(text));
  } catch {
    return fail({ kind: 'not_json' });
  }
};

/**
 * What a non-zero status means, by the families of "Response status" in the Withings API reference. Families
 * are all that Withings publishes; the error text is not consulted.
 */
export const causeOfStatus = ({ status, body }: OpenedEnvelope): FailureCause => {
  if (status === 601) return { kind: 'throttled', retryAfterSeconds: waitSeconds(body) };
  // Not in the published list; recorded with "Insufficient_scope".
  if (status === 403) return { kind: 'insufficient_scope' };
  if (status === 2554) return { kind: 'not_implemented' };
  if (isWithin(AUTHENTICATION_FAILED, status)) return { kind: 'unauthorized', status };
  if (isWithin(INVALID_PARAMS, status)) return { kind: 'invalid_params', status };
  // "An error occurred", 522 (time-out), 524 (bad state) and what is unknown. Also 214, 277, 2553 and 2555,
  // "unauthorized" in the current list: an older one calls 2555 an unknown error, and neither names the token.
  return { kind: 'upstream_error', status };
};

/** `wait_seconds` is on record in some 601 bodies and missing in others; the body may be `{}`, `[]` or null. */
const waitSeconds = (body: unknown): number => {
  const asked = toCount(asObject<'wait_seconds'>(body)?.wait_seconds) ?? 0;
  return Math.min(Math.max(asked, MIN_THROTTLE_WAIT_SECONDS), MAX_THROTTLE_WAIT_SECONDS);
};

type StatusRange = readonly [first: number, last: number];

const isWithin = (ranges: readonly StatusRange[], status: number): boolean =>
  ranges.some(([first, last]) => status >= first && status <= last);

const AUTHENTICATION_FAILED: readonly StatusRange[] = [
  [100, 102],
  [200, 200],
  [401, 401],
];

const INVALID_PARAMS: readonly StatusRange[] = [
  [201, 213],
  [216, 218],
  [220, 221],
  [223, 223],
  [225, 225],
  [227, 230],
  [234, 236],
  [238, 238],
  [240, 252],
  [254, 254],
  [260, 267],
  [271, 272],
  [275, 276],
  [283, 288],
  [290, 290],
  [293, 295],
  [297, 297],
  [300, 304],
  [321, 321],
  [323, 353],
  [380, 382],
  [400, 400],
  [501, 511],
  [523, 523],
  [532, 532],
  [3017, 3019],
];
