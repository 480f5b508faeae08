import type * as z from 'zod';

import { problem } from '../http/api/contract.ts';
import { cliFailure, EXIT, exitCodeOf } from './exit.ts';
import { VERSION } from './version.ts';

/** Where the broker is, and what to show it. */
export type Connection = { url: string; token: string | undefined };

export type Call<Schema extends z.ZodType> = {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string | undefined>;
  body?: unknown;
  /** What the answer has to be; `z.undefined()` for none. */
  answer: Schema;
};

/** What came back. `date` is the broker's clock, by its own `Date` header. */
export type Answer<Value> = { status: number; value: Value; date: string | null };

const TIMEOUT_MS = 60_000;

/** Calls the broker. Fails with what the broker said, or with why there is nothing that it said. */
export const call = async <Schema extends z.ZodType>(
  { url, token }: Connection,
  { method = 'GET', path, query = {}, body, answer }: Call<Schema>,
): Promise<Answer<z.output<Schema>>> => {
  const target = new URL(path, url);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) target.searchParams.set(name, value);
  const response = await send(target, {
    method,
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: {
      Accept: 'application/json',
      'User-Agent': `mushu-cli/${VERSION}`,
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const sent = jsonOf(text);
  if (!response.ok) throw refusal(target, response, sent);
  const parsed = answer.safeParse(text === '' ? undefined : sent);
  if (!parsed.success) throw strange(target, `an answer that mushu ${VERSION} does not know`);
  return { status: response.status, value: parsed.data, date: response.headers.get('Date') };
};

const send = async (target: URL, init: RequestInit): Promise<Response> => {
  try {
    return await fetch(target, init);
  } catch (error) {
    throw cliFailure(EXIT.unreachable, `No broker can be reached at ${target.origin} (${reasonOf(error)}).`);
  }
};

/** What fetch hides in its cause: ECONNREFUSED, ENOTFOUND, a certificate's fault. */
const reasonOf = (error: unknown): string => {
  const { cause, name, message } = error as Error & { cause?: { code?: string; message?: string } };
  return name === 'TimeoutError' ? `no answer in ${TIMEOUT_MS / 1000} s` : (cause?.code ?? cause?.message ?? message);
};

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const refusal = (target: URL, response: Response, sent: unknown): Error => {
  const told = problem.safeParse(sent);
  if (!told.success) return strange(target, `${response.status} without a word that mushu knows`);
  const { title, detail, code, request_id: requestId } = told.data;
  const wait = response.headers.get('Retry-After');
  const lines = [
    `${title}: ${detail}`,
    `code ${code}, request ${requestId}${wait === null ? '' : `, retry in ${wait} s`}`,
  ];
  return cliFailure(exitCodeOf(response.status), lines.join('\n'));
};

const strange = (target: URL, what: string): Error =>
  cliFailure(
    EXIT.unreachable,
    `${target.origin} answered ${what}. Is it the URL of a Mushu Health broker, and of a version that fits?`,
  );
