import type * as z from 'zod';

import type { ProblemCode } from '../client/contract.ts';
import type { Answer, Broker, CallFailure } from '../client/send.ts';
import { type CliFailure, cliFailure, EXIT, exitCodeOf } from './exit.ts';
import { printable } from './output.ts';
import { VERSION } from './version.ts';

/** Connects the client, which returns failures, with the commands, which end with words and an exit code. */

const TIMEOUT_MS = 60_000;

/** Between two parts of one deletion: what is left may wait for Withings. */
export const BETWEEN_PARTS_MS = 1_000;

/** A broker with `mushu`'s user agent and a time limit of one minute. */
export const brokerAt = (url: string, token: string | undefined): Broker => ({
  url,
  credential: token,
  userAgent: `mushu-cli/${VERSION}`,
  fetch: (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) }),
});

type Operation<Value, Arguments extends unknown[]> = (broker: Broker, ...rest: Arguments) => Promise<Answer<Value>>;

/**
 * Calls an operation of the client. A failure ends the program with the broker's words, or with why there is no answer.
 *
 * @param schema the answer's schema in the contract, so that another version of the broker is recognized
 */
export const call = async <Value, Arguments extends unknown[]>(
  schema: z.ZodType<Value>,
  operation: Operation<Value, Arguments>,
  broker: Broker,
  ...rest: Arguments
): Promise<{ status: number; value: Value; headers: Headers }> => {
  const answer = await operation(broker, ...rest);
  if (!answer.ok) throw failureOf(broker, answer.failure);
  const parsed = schema.safeParse(answer.value);
  if (!parsed.success) throw strange(broker, `an answer that mushu ${VERSION} does not know`);
  return { status: answer.status, value: parsed.data, headers: answer.headers };
};

type Page<Row> = { data: Row[]; next_cursor: string | null };

/** All rows of a list, page by page; at most `most`. */
export const allPages = async <Row>(
  schema: z.ZodType<Page<Row>>,
  page: (broker: Broker, cursor: string | undefined) => Promise<Answer<Page<Row>>>,
  broker: Broker,
  most = Infinity,
): Promise<Row[]> => {
  const rows: Row[] = [];
  for (let cursor: string | undefined; ;) {
    const { value } = await call(schema, page, broker, cursor);
    rows.push(...value.data);
    if (value.next_cursor === null || rows.length >= most) return rows.slice(0, most);
    cursor = value.next_cursor;
  }
};

/** The broker's remedies as commands of `mushu`. */
const CLI_REMEDIES: Partial<Record<ProblemCode, string>> = {
  access_token_missing: 'Sign in: mushu login',
  invalid_access_token: 'Sign in again: mushu login',
  account_needed: 'Name one: --account ACCOUNT. List them: mushu accounts list',
  app_not_found: 'List yours: mushu apps list',
};

/** The broker's words, but for what a person at this command knows: a title repeated, and how to install it. */
const wordsOf = (
  { credential }: Broker,
  { title, detail, code }: Extract<CallFailure, { kind: 'problem' }>,
): string => {
  if (code === 'invalid_access_token' && credential?.startsWith('mushu_key_') === true) {
    return `${title}: This is an app's key; log in with an access token.`;
  }
  const words = detail.replace(/ `npm install [^`]+` installs that command\./, '');
  return words.toLowerCase().startsWith(`${title.toLowerCase()}:`) ? words : `${title}: ${words}`;
};

const failureOf = (broker: Broker, failure: CallFailure): CliFailure => {
  switch (failure.kind) {
    case 'problem': {
      const { status, code, requestId, retryAfterSeconds: wait } = failure;
      const retry = wait === undefined ? '' : `, retry in ${wait} s`;
      const lines = [wordsOf(broker, failure), `code ${code}, request ${requestId}${retry}`].map(printable);
      return cliFailure(exitCodeOf(status), lines.join('\n'), CLI_REMEDIES[code]);
    }
    case 'unreachable':
      return cliFailure(EXIT.unreachable, `No broker answers at ${originOf(broker)} (${failure.reason}).`);
    case 'not_sent':
      return cliFailure(EXIT.usage, failure.detail);
    case 'unexpected_answer':
      return strange(broker, `${failure.status} in a form that mushu does not know`);
  }
};

const strange = (broker: Broker, what: string): CliFailure =>
  cliFailure(
    EXIT.unreachable,
    `${originOf(broker)} answered ${what}. Is it a Mushu Health broker of the same version?`,
  );

const originOf = ({ url }: Broker): string => new URL(url).origin;
