import type * as z from 'zod';

/** Kinds of values as people name them; zod's word for the others. */
const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: '`true` or `false`',
  array: 'a list',
  object: 'an object',
};

/** What the length of a text or list counts; undefined for the size of a number. */
const unitOf = (origin: string, count: number | bigint): string | undefined => {
  if (origin === 'string') return count === 1 ? 'character' : 'characters';
  return origin === 'array' ? (count === 1 ? 'entry' : 'entries') : undefined;
};

const sizeOf = (origin: string, bound: string, size: number | bigint): string => {
  const unit = unitOf(origin, size);
  return unit === undefined ? `It is ${bound} ${size}.` : `It has ${bound} ${size} ${unit}.`;
};

/**
 * What a value has to be, as a sentence about it, in place of zod's own words: they name types of JavaScript. A
 * schema's own message stands before it. Never repeats the value, which may contain anything.
 */
export const plainIssue: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'It is missing.' : `It is ${KINDS[issue.expected] ?? issue.expected}.`;
    case 'invalid_value': {
      const values = issue.values.map((value) => `\`${String(value)}\``);
      return values.length === 1 ? `It is ${values[0]}.` : `It is one of ${values.join(', ')}.`;
    }
    case 'too_big':
      return sizeOf(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    case 'too_small':
      return sizeOf(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'invalid_format':
      return issue.format === 'datetime'
        ? 'It is an instant with its offset, such as `2026-06-15T12:00:00Z`.'
        : 'It has another form; see the API reference at /docs.';
    case 'unrecognized_keys':
      return 'It has a name that it does not take.';
    default:
      return 'It does not fit; see the API reference at /docs.';
  }
};
