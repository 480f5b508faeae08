import { createMiddleware } from 'hono/factory';

import type { HeldVersion } from '../../../broker/access/caller.ts';
import type { EpochSeconds } from '../../../domain/time.ts';
import type { UserId } from '../../../domain/user-id.ts';
import { preferredType } from '../../accept.ts';
import type { HttpContext, HttpEnv } from '../../context.ts';
import { answerProblem } from '../../problem.ts';
import { REQUEST_PROBLEMS } from '../../request-problems.ts';
import type { Form } from './queries.ts';

/** The media types of the forms in which body data is given. */
export const FORM_TYPES = {
  json: 'application/json',
  csv: 'text/csv',
  fhir: 'application/fhir+json',
} as const satisfies Record<Form, string>;

export type InForm = HttpEnv & { Variables: { form: Form } };

/**
 * Sets `form`: the one in `format`, or the one that `Accept` prefers, of those that the route has. The first one is the
 * default. A client that accepts none of them gets 406.
 */
export const inForm = (...offered: readonly Form[]) =>
  createMiddleware<InForm>(async (c, next) => {
    c.header('Vary', 'Accept', { append: true });
    const types = offered.map((form) => FORM_TYPES[form]);
    const named = c.req.query('format');
    const type = named === undefined ? preferredType(c.req.header('Accept'), types) : undefined;
    const form = offered.find((one) => one === named || FORM_TYPES[one] === type);
    if (form === undefined) return answerProblem(c, REQUEST_PROBLEMS.notAcceptable(types));
    c.set('form', form);
    return next();
  });

/**
 * Part of every validator. Raise it if the same data gets another answer, so that no client keeps an older release's
 * one.
 */
const ANSWER_VERSION = 2;

/**
 * Sets the validator (RFC 9110, 8.8.3) and says whether the client already has this answer. It is derived from what
 * every answer about a connection depends on, so no rows are read.
 *
 * @param version everything except the URL that the answer depends on
 * @param nowSeconds for answers that `setValidUntil` gave an end
 */
export const notModified = (c: HttpContext, version: readonly (string | number)[], nowSeconds = 0): boolean => {
  const tag = tagOf(version);
  const known = (c.req.header('If-None-Match') ?? '').split(',').map((one) => one.trim().replace(/^W\/|"/g, ''));
  const isValid = (one: string) =>
    one === tag || (one.startsWith(`${tag}~`) && Number(one.slice(tag.length + 1)) > nowSeconds);
  const held = known.find(isValid);
  c.header('ETag', `"${held ?? tag}"`);
  c.header('Cache-Control', 'private, no-cache');
  return held !== undefined || known.includes('*');
};

/** The data of the answer that the client holds, as its validator says: every `version` begins with these two. */
export const heldVersion = (c: HttpContext): HeldVersion | undefined => {
  const tag = new RegExp(`^(?:W/)?"${ANSWER_VERSION}-(\\d{1,16})-(\\d{1,16})[-"]`);
  const [, connectionId, dataVersion] = tag.exec(c.req.header('If-None-Match') ?? '') ?? [];
  if (connectionId === undefined || dataVersion === undefined) return undefined;
  return { connectionId: Number(connectionId), dataVersion: Number(dataVersion) };
};

/** Ends the validity of an answer that time alone changes: see `notModified`. */
export const setValidUntil = (
  c: HttpContext,
  version: readonly (string | number)[],
  untilSeconds: EpochSeconds | undefined,
): void => {
  if (untilSeconds !== undefined) c.header('ETag', `"${tagOf(version)}~${untilSeconds}"`);
};

/** Percent-encoded, because an earlier version may have stored any time zone and a header takes visible ASCII. */
const tagOf = (version: readonly (string | number)[]): string =>
  encodeURIComponent([ANSWER_VERSION, ...version].join('-'));

/** Answers with a table, as a file that is named after the user and the days in it. */
export const answerCsv = (
  c: Pick<HttpContext, 'body'>,
  table: string,
  { userId, days, isWhole }: { userId: UserId; days: readonly string[]; isWhole: boolean },
): Response => {
  const sorted = days.toSorted();
  const range = days.length === 0 ? [] : [sorted[0], 'to', sorted.at(-1)];
  const words = ['metrics', userId.replaceAll(/[^\w.@-]/g, '_'), ...range, ...(isWhole ? [] : ['part'])];
  return c.body(table, 200, {
    'Content-Type': `${FORM_TYPES.csv}; charset=utf-8; header=present`,
    'Content-Disposition': `attachment; filename="${words.join('-')}.csv"`,
  });
};
