/**
 * What travels between Withings and a client: names, nesting and number formats are Withings' own. The client and the
 * simulator share these types and nothing else.
 *
 * Source: the Withings API reference (https://developer.withings.com/api-reference) if it agrees with recorded answers,
 * otherwise the recordings.
 */

/** The login host's consent page, opened in the user's browser. */
export const AUTHORIZE_PATH = '/oauth2_user/authorize2';

/** The login host's log-out, which then sends the browser to its parameter `r` (Withings guide, OAuth web flow). */
export const LOGOUT_PATH = '/logout';

/** Paths on the API host. The operation is chosen by the form field `action`, never by the path. */
export const OAUTH2_PATH = '/v2/oauth2';
export const SIGNATURE_PATH = '/v2/signature';
export const MEASURE_PATH = '/measure';
export const NOTIFY_PATH = '/notify';

/** Every answer is HTTP 200 with one of two envelopes; `status` 0 is success. */
export type SuccessEnvelope<Body> = { status: 0; body: Body };

/** On errors PHP's encoder sends `{}`, `[]`, null or nothing as the body. */
export type ErrorEnvelope = {
  status: number;
  body?: Record<string, unknown> | unknown[] | null;
  error?: string;
};

/** Answer to both grants of `action=requesttoken`. Tokens are 40 lower-case hex characters. */
export type TokenBody = {
  /** A string after a code exchange, an integer after a refresh. */
  userid: string | number;
  access_token: string;
  /** New at every refresh. */
  refresh_token: string;
  /** Comma-separated: what was granted, which may be less than what was asked. */
  scope: string;
  /** Seconds; 10800. */
  expires_in: number;
  csrf_token?: string;
  token_type: 'Bearer';
};

/** Answer to `action=getnonce`. */
export type NonceBody = { nonce: string };

/** Answer to `action=getmeas`. */
export type GetmeasBody = {
  /** Unix seconds; an integer in recordings, a string in the reference. */
  updatetime: number | string;
  /** IANA name of the account's zone: one for the whole answer. */
  timezone: string;
  measuregrps: MeasureGroup[];
  /** Truthy if there is another page; absent if the answer has a single page. */
  more?: number | boolean;
  /** What to send as `offset` for the next page; absent with `more`. */
  offset?: number;
};

/** One measurement group: what a device recorded at one moment. One weigh-in may make several. */
export type MeasureGroup = {
  grpid: number;
  /** How the measure was attributed to the user; 1 is ambiguous, 2 is typed in. */
  attrib: number;
  /** Unix seconds: when it was measured. */
  date: number;
  /** Unix seconds: when it was stored. */
  created: number;
  /** Unix seconds: last change. Absent in recordings up to early 2022. */
  modified?: number;
  /** 1 measured, 2 a goal of the user. */
  category: number;
  deviceid: string | null;
  hash_deviceid?: string | null;
  measures: Measure[];
  modelid?: number | null;
  model?: string | null;
  comment?: null | string;
  timezone?: string;
};

/** One value: `value` × 10^`unit`, in the unit of its `type`. */
export type Measure = {
  value: number;
  type: number;
  unit: number;
  algo?: number;
  fm?: number;
  /** Where on the body; 7 (whole body) and absent mean the same. */
  position?: number;
  /** Seen on heart measures (types 11 and 130) of scales with an ECG. */
  algo_params?: Record<string, number>;
  /** Only on values typed into the app. */
  apppfmid?: number;
  appliver?: number;
};

/** Answer to `action=get`, and one entry of the answer to `action=list`, of `/notify`. */
export type NotifyProfile = {
  appli: number;
  callbackurl: string;
  /** Null in recordings for an absent one. */
  comment: string | null;
  /** Unix seconds; 2147483647 in recordings of `list`. */
  expires?: number;
};
