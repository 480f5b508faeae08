/** Helpers to read unvalidated JSON. */
import { MAX_LABEL_CHARACTERS, MAX_TOKEN_CHARACTERS, MAX_UNIX_SECONDS } from './constants.ts';

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

/** A time zone's name in the IANA database's syntax, known to the runtime or not; undefined for any other text. */
export const toTimeZone = (value: unknown): string | undefined =>
  typeof value === 'string' && value.length <= MAX_LABEL_CHARACTERS && TIME_ZONE.test(value) ? value : undefined;
const TIME_ZONE = /^[A-Za-z][\w+-]*(?:\/[A-Za-z][\w+-]*){0,2}$/;

/** An id that needs no escaping in any format; null for any other text. Withings' device ids are 40 hex digits. */
export const idOrNull = (value: unknown): string | null =>
  typeof value === 'string' && value.length <= MAX_LABEL_CHARACTERS && /^[\w.:-]+$/.test(value) ? value : null;

/**
 * Text to display, such as a device's name; null if it is empty, too long or contains control characters or line
 * breaks.
 */
export const labelOrNull = (value: unknown): string | null =>
  typeof value === 'string' &&
  value !== '' &&
  value.length <= MAX_LABEL_CHARACTERS &&
  !/[\p{C}\p{Zl}\p{Zp}]/u.test(value)
    ? value
    : null;
