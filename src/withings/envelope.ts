/** The envelope around every answer, and the meaning of its status. Pure. */
import { MAX_THROTTLE_WAIT_SECONDS, MIN_THROTTLE_WAIT_SECONDS } from './constants.ts';
import { fail, ok, type FailureCause, type Outcome } from './outcome.ts';
import type { Answer } from './send.ts';
import { asObject, isInteger, toCount } from './unverified.ts';
import type { ErrorEnvelope } from './wire.ts';

/** Only `tokenEndpointCause` reads `error`. */
export type OpenedEnvelope = { status: number; body: unknown; error: string };

/**
 * Parses HTTP status and text into the envelope's status, body and error text, without interpreting them. Failures:
 * `http_error`, `throttled` (HTTP 429), `not_json`, `malformed`.
 */
export const openEnvelope = ({ httpStatus, text }: Answer): Outcome<OpenedEnvelope> => {
  // Withings sends 601 inside a 200. A gateway in front of it would send 429.
  if (httpStatus === 429) return fail({ kind: 'throttled', retryAfterSeconds: MIN_THROTTLE_WAIT_SECONDS });
  // Nor does it use HTTP's own statuses for a refused token, but what they mean is beyond doubt.
  if (httpStatus === 401 || httpStatus === 403) return fail({ kind: 'unauthorized', status: httpStatus });
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
 * The meaning of a non-zero status, by the families of "Response status" in the Withings API reference. Withings
 * publishes only families. The error text is not read.
 */
export const causeOfStatus = ({ status, body }: OpenedEnvelope): FailureCause => {
  if (status === 601) return { kind: 'throttled', retryAfterSeconds: waitSeconds(body) };
  // Not in the published list, but recorded with "Insufficient_scope".
  if (status === 403) return { kind: 'insufficient_scope' };
  if (status === 2554) return { kind: 'not_implemented' };
  if (isWithin(AUTHENTICATION_FAILED, status)) return { kind: 'unauthorized', status };
  if (isWithin(INVALID_PARAMS, status)) return { kind: 'invalid_params', status };
  // "An error occurred", 522 (time-out), 524 (bad state) and unknown ones. Also 214, 277, 2553 and 2555: the current
  // list calls them "unauthorized", an older one calls 2555 an unknown error, and neither mentions the token.
  return { kind: 'upstream_error', status };
};

/** Some recorded 601 bodies have `wait_seconds`, others do not. The body may be `{}`, `[]` or null. */
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
