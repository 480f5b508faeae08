import { parseAccept } from 'hono/utils/accept';

type Range = { type: string; q: number };

/**
 * The offered type that a client prefers by its `Accept` header (RFC 9110, 12.5.1): the most specific range that covers
 * a type has its weight. Of equal types, a named one comes first, then the one that is offered first.
 *
 * @returns undefined if the client accepts none of them
 */
export const preferredType = <Type extends string>(
  accept: string | undefined,
  offered: readonly Type[],
): Type | undefined => {
  if (accept === undefined || accept.trim() === '') return offered[0];
  const ranges = parseAccept(accept);
  const acceptable = offered.map((type) => ({ type, ...qualityOf(type, ranges) })).filter(({ q }) => q > 0);
  return acceptable.toSorted((left, right) => right.q - left.q || right.precision - left.precision)[0]?.type;
};

const qualityOf = (type: string, ranges: readonly Range[]): { q: number; precision: number } => {
  const patterns = ['*/*', `${type.split('/')[0]}/*`, type];
  for (let precision = patterns.length - 1; precision >= 0; precision -= 1) {
    const range = ranges.find((one) => one.type.toLowerCase() === patterns[precision]);
    if (range !== undefined) return { q: range.q, precision };
  }
  return { q: 0, precision: 0 };
};
