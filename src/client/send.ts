import type * as z from 'zod';

import type * as accounts from '../http/api/contract-accounts.ts';
import type * as changes from '../http/api/contract-changes.ts';
import type * as lists from '../http/api/contract-lists.ts';
import type * as operator from '../http/api/contract-operator.ts';
import type * as users from '../http/api/contract-users.ts';
import type * as contract from '../http/api/contract.ts';
import type { ProblemCode } from '../http/api/problem-codes.ts';

/**
 * What every call of the client goes through. Nothing is imported at run time: types come from the server's contract, `fetch` from whoever
 * calls. Functions are passed the broker, so that a bundler keeps those that are used.
 */

/** A broker, and what to show it. */
export type Broker = {
  /** Its origin: `https://broker.example.com`. */
  url: string;
  /** The app's key (backends only), one user's token, or an access token; sent as `Authorization: Bearer`. */
  credential: string;
  /** The platform's where absent. */
  fetch?: typeof fetch;
  /** Said as `User-Agent`, where the platform lets a program say so. */
  userAgent?: string;
};

/** What came back. Expected failures are returned, never thrown. */
export type Answer<Value> = { ok: true; status: number; value: Value } | { ok: false; failure: CallFailure };

/**
 * Why a call came to nothing.
 * - `problem`: the broker said why; decide by `code`, tell the operator `requestId`
 * - `unreachable`: no answer. The request may have been carried out all the same
 * - `unexpected_answer`: something else answered, such as a proxy
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
  | { kind: 'unexpected_answer'; status: number };

/** What a schema of the contract holds, as it is read. */
export type Read<Name extends keyof Contract> = Contract[Name] extends z.ZodType ? z.output<Contract[Name]> : never;

/** What a schema of the contract takes, as it is sent. */
export type Written<Name extends keyof Contract> = Contract[Name] extends z.ZodType ? z.input<Contract[Name]> : never;

type Contract = typeof contract & typeof lists & typeof accounts & typeof changes & typeof users & typeof operator;

/** A query's parameters; what is undefined is left out. */
export type Query = { [name: string]: string | number | undefined };

/** A path of one app's. */
export const appPath = (appId: string, ...rest: readonly string[]): string =>
  ['/apps', appId, ...rest].map((part, index) => (index === 0 ? part : encodeURIComponent(part))).join('/');

/** Sends one request, and reads the answer as what the contract says it is. Empty answers are null. */
export const send = async <Value>(
  broker: Broker,
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  { query = {}, body }: { query?: Query; body?: unknown } = {},
): Promise<Answer<Value>> => {
  const url = new URL(path, broker.url);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const headers = new Headers({ Accept: 'application/json', Authorization: `Bearer ${broker.credential}` });
  if (broker.userAgent !== undefined) headers.set('User-Agent', broker.userAgent);
  if (body !== undefined) headers.set('Content-Type', 'application/json');
  const request = { method, headers, redirect: 'manual' as const };
  try {
    const ask = broker.fetch ?? fetch;
    const response = await ask(url, body === undefined ? request : { ...request, body: JSON.stringify(body) });
    return await read<Value>(response);
  } catch (error) {
    return { ok: false, failure: { kind: 'unreachable', reason: error instanceof Error ? error.message : 'unknown' } };
  }
};

const read = async <Value>(response: Response): Promise<Answer<Value>> => {
  const { status } = response;
  const text = await response.text();
  const value = parse(text);
  if (response.ok && value !== undefined) return { ok: true, status, value: value as Value };
  return { ok: false, failure: problemIn(response, value) ?? { kind: 'unexpected_answer', status } };
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
  if (typeof value !== 'object' || value === null || !('code' in value)) return undefined;
  const { code, title, detail, request_id: requestId } = value as Read<'problem'>;
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
