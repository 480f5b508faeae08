/** Helpers to read unvalidated JSON. */
import { MAX_TOKEN_CHARACTERS, MAX_UNIX_SECONDS } from './constants.ts';

/**
 * The value as an object of an unvalidated wire type (`asObject<keyof TokenBody>(…)`): it may have these members, with
 * any value. Undefined for anything else, arrays and null included.
 */
export const asObject = <Name extends string>(value: unknown): Record<Name, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<Name, unknown>) : undefined;

/** A whole number that arithmetic keeps exact. */
export const isInteger = (value: unknown): value is number => Number.isSafeInteger(value);

/** Unix seconds up to the year 9999. */
export const isUnixSeconds = (value: unknown): value is number =>
  isInteger(value) && value >= 0 && value <= MAX_UNIX_SECONDS;

/** A non-negative integer from a number or from decimal digits: some members come as either. */
export const toCount = (value: unknown): number | undefined => {
  const count = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return isInteger(count) && count >= 0 ? count : undefined;
};

/** Text that can be sent in a header or a form unchanged: visible ASCII of limited length. */
export const isTokenText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= MAX_TOKEN_CHARACTERS && /^[\x21-\x7e]+$/.test(value);
