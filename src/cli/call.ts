import type * as z from 'zod';

import type { ProblemCode } from '../client/contract.ts';
import type { Answer, Broker, CallFailure } from '../client/send.ts';
import { type CliFailure, cliFailure, EXIT, exitCodeOf } from './exit.ts';
import { printable } from './output.ts';
import { VERSION } from './version.ts';

/** Between the client, which returns what happened, and the commands, which go on or end with words and an exit code. */

const TIMEOUT_MS = 60_000;

/** A broker as `mushu` calls it: it says who asks, and waits a minute at most. */
export const brokerAt = (url: string, token: string | undefined): Broker => ({
  url,
  credential: token,
  userAgent: `mushu-cli/${VERSION}`,
  fetch: (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) }),
});

type Operation<Value, Arguments extends unknown[]> = (broker: Broker, ...rest: Arguments) => Promise<Answer<Value>>;

/**
 * Calls an operation of the client. Ends with what the broker said, or with why there is nothing that it said.
 *
 * @param schema of the contract: what the answer has to be, so that another version of the broker is told from this one
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

/** Everything of a list, page by page; at most `most` rows. */
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

/** What the broker's remedy is called here. */
const CLI_REMEDIES: Partial<Record<ProblemCode, [string]>> = {
  access_token_missing: ['Sign in: mushu login'],
  invalid_access_token: ['Sign in again: mushu login'],
  account_needed: ['Name one: --account ACCOUNT. They are listed by: mushu accounts list'],
  app_not_found: ['Yours are listed by: mushu apps list'],
};

/** Why a call came to nothing, in words, with the exit code for it. */
const failureOf = (broker: Broker, failure: CallFailure): CliFailure => {
  switch (failure.kind) {
    case 'problem': {
      const { status, title, detail, code, requestId, retryAfterSeconds: wait } = failure;
      const retry = wait === undefined ? '' : `, retry in ${wait} s`;
      const told = [`${title}: ${detail}`, `code ${code}, request ${requestId}${retry}`].map(printable);
      return cliFailure(exitCodeOf(status), [...told, ...(CLI_REMEDIES[code] ?? [])].join('\n'));
    }
    case 'unreachable':
      return cliFailure(EXIT.unreachable, `No broker can be reached at ${originOf(broker)} (${failure.reason}).`);
    case 'not_sent':
      return cliFailure(EXIT.usage, failure.detail);
    case 'unexpected_answer':
      return strange(broker, `${failure.status} without a word that mushu knows`);
  }
};

const strange = (broker: Broker, what: string): CliFailure =>
  cliFailure(
    EXIT.unreachable,
    `${originOf(broker)} answered ${what}. Is it the URL of a Mushu Health broker, and of a version that fits?`,
  );

const originOf = ({ url }: Broker): string => new URL(url).origin;
