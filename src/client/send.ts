import type { ProblemCode, Read } from './contract.ts';

/**
 * Sends every call of the client. It imports nothing at run time: the caller may pass `fetch`. Functions take the
 * broker as an argument, so a bundler keeps only those that are used.
 */

/** A broker and the credential for it. */
export type Broker = {
  /** Its origin: `https://broker.example.com`. */
  url: string;
  /**
   * The app's key (backends only), one user's token, or an access token; sent as `Authorization: Bearer`. Undefined
   * sends none.
   */
  credential: string | undefined;
  /** By default the platform's. Your own can add a time limit, retries or a log. */
  fetch?: typeof fetch;
  /** Sent as `User-Agent`, if the platform allows it. */
  userAgent?: string;
};

/**
 * An answer or a failure: expected failures are never thrown. `headers` has the `ETag` of what was read, and the
 * broker's `Date`.
 */
export type Answer<Value> =
  | { ok: true; status: number; value: Value; headers: Headers }
  | { ok: false; failure: CallFailure };

/**
 * Why a call failed.
 * - `problem`: the broker refused; decide by `code`, tell the operator `requestId`
 * - `unreachable`: no answer, but the request may have been carried out
 * - `not_sent`: an id that no path can contain: `.` and `..` would change the request's path
 * - `unexpected_answer`: another server answered, such as a proxy
 */
export type CallFailure =
  | {
      kind: 'problem';
      code: ProblemCode;
      status: number;
      title: string;
      detail: string;
      requestId: string;
      retryAfterSeconds: number | undefined;
    }
  | { kind: 'unreachable'; reason: string }
  | { kind: 'not_sent'; detail: string }
  | { kind: 'unexpected_answer'; status: number };

/** A query's parameters; undefined ones are omitted. */
export type Query = { [name: string]: string | number | undefined };

export const appPath = (appId: string, ...rest: readonly string[]): string => pathOf('apps', appId, ...rest);

export const pathOf = (...segments: readonly string[]): string => `/${segments.map(encodeURIComponent).join('/')}`;

type Sent = { query?: Query; body?: unknown; ifMatch?: string | undefined };

/** Sends one request, and types the answer by the contract. An empty answer is null. */
export const send = async <Value>(
  broker: Broker,
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  { query = {}, body, ifMatch }: Sent = {},
): Promise<Answer<Value>> => {
  const url = new URL(path, broker.url);
  if (url.pathname !== path) return failed({ kind: 'not_sent', detail: 'An id is neither "." nor "..".' });
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const headers = new Headers({ Accept: 'application/json' });
  if (broker.credential !== undefined) headers.set('Authorization', `Bearer ${broker.credential}`);
  if (broker.userAgent !== undefined) headers.set('User-Agent', broker.userAgent);
  if (ifMatch !== undefined) headers.set('If-Match', ifMatch);
  if (body !== undefined) headers.set('Content-Type', 'application/json');
  const request = { method, headers, redirect: 'manual' as const };
  try {
    const ask = broker.fetch ?? fetch;
    const response = await ask(url, body === undefined ? request : { ...request, body: JSON.stringify(body) });
    return await read<Value>(response);
  } catch (error) {
    return failed({ kind: 'unreachable', reason: reasonOf(error) });
  }
};

const failed = (failure: CallFailure): { ok: false; failure: CallFailure } => ({ ok: false, failure });

/** Node's fetch throws "fetch failed" and puts the reason (ECONNREFUSED, a bad certificate) into `cause`. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'unknown';
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? (cause?.message || message);
};

const read = async <Value>(response: Response): Promise<Answer<Value>> => {
  const { status, headers } = response;
  const value = parse(await response.text());
  if (response.ok && value !== undefined) return { ok: true, status, value: value as Value, headers };
  return failed(problemIn(response, value) ?? { kind: 'unexpected_answer', status });
};

const parse = (text: string): unknown => {
  if (text === '') return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

const problemIn = ({ status, headers }: Response, value: unknown): CallFailure | undefined => {
  if (!isProblem(value)) return undefined;
  const { code, title, detail, request_id: requestId } = value;
  const pause = headers.get('Retry-After');
  return {
    kind: 'problem',
    code: code as ProblemCode,
    status,
    title,
    detail,
    requestId,
    retryAfterSeconds: pause === null ? undefined : Number(pause),
  };
};

const isProblem = (value: unknown): value is Read<'problem'> =>
  typeof value === 'object' &&
  value !== null &&
  ['code', 'title', 'detail', 'request_id'].every(
    (name) => typeof (value as Record<string, unknown>)[name] === 'string',
  );
