import type { Context } from 'hono';
import { accepts } from 'hono/accepts';

import type { EpochSeconds } from '../../../domain/time.ts';
import type { HttpContext } from '../../context.ts';

/** The forms in which body data is given. */
export const JSON_TYPE = 'application/json';
export const CSV_TYPE = 'text/csv';
export const FHIR_TYPE = 'application/fhir+json';

export type Representation = typeof JSON_TYPE | typeof CSV_TYPE | typeof FHIR_TYPE;

type Range = { type: string; q: number };

/**
 * The form that the client likes best of those offered, by RFC 9110, 12.5.1: the most specific range that covers a form says how much it is
 * liked. JSON breaks ties, and is what a client gets that likes none.
 */
export const negotiate = (c: Context, offered: readonly Representation[]): Representation => {
  c.header('Vary', 'Accept', { append: true });
  const chosen = accepts(c, {
    header: 'Accept',
    supports: [...offered],
    default: JSON_TYPE,
    match: (ranges) => best(ranges, offered),
  });
  return offered.find((one) => one === chosen) ?? JSON_TYPE;
};

const best = (ranges: readonly Range[], offered: readonly Representation[]): Representation => {
  const liked = offered.map((type) => ({ type, q: likingOf(type, ranges) }));
  const most = liked.reduce((top, one) => (one.q > top.q ? one : top), { type: JSON_TYPE, q: 0 });
  return most.type;
};

const likingOf = (type: Representation, ranges: readonly Range[]): number => {
  const wildcards = [type, `${type.split('/')[0]}/*`, '*/*'];
  const covering = wildcards.map((wanted) => ranges.find((range) => range.type.toLowerCase() === wanted));
  return covering.find((range) => range !== undefined)?.q ?? 0;
};

/** Part of every validator: raise it if the same data is answered differently, so that no client keeps what an older release said. */
const ANSWER_VERSION = 2;

/**
 * Sets the validator (RFC 9110, 8.8.3) and says whether the client has this answer already. It follows from what every answer about a
 * connection depends on, so the rows are not read; the URL says the rest.
 *
 * @param version everything but the URL that the answer depends on
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

/** Ends the validity of an answer that time alone changes: see `notModified`. */
export const setValidUntil = (
  c: HttpContext,
  version: readonly (string | number)[],
  untilSeconds: EpochSeconds | undefined,
): void => {
  if (untilSeconds !== undefined) c.header('ETag', `"${tagOf(version)}~${untilSeconds}"`);
};

/** Percent-encoded, whatever an earlier version stored for a time zone: a header takes visible ASCII. */
const tagOf = (version: readonly (string | number)[]): string =>
  encodeURIComponent([ANSWER_VERSION, ...version].join('-'));
