/** Reading JSON that nobody has vouched for yet. */
import { MAX_LABEL_CHARACTERS, MAX_TOKEN_CHARACTERS, MAX_UNIX_SECONDS } from './constants.ts';

/**
 * The value as an object of a wire type that nobody has vouched for (`asObject<keyof TokenBody>(…)`): it may have
 * these members, and they may be anything. Undefined for what is no object, arrays and null included.
 */
export const asObject = <Name extends string>(value: unknown): Record<Name, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<Name, unknown>) : undefined;

/** A whole number that arithmetic keeps exact. */
export const isInteger = (value: unknown): value is number => Number.isSafeInteger(value);

/** A moment in Unix seconds that every date library can hold. */
export const isUnixSeconds = (value: unknown): value is number =>
  isInteger(value) && value >= 0 && value <= MAX_UNIX_SECONDS;

/** A non-negative integer from a number or from its decimal digits, for members that come as either. */
export const toCount = (value: unknown): number | undefined => {
  const count = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return isInteger(count) && count >= 0 ? count : undefined;
};

/** Text that can be sent in a header or a form as it is: visible ASCII of a sane length. */
export const isTokenText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= MAX_TOKEN_CHARACTERS && /^[\x21-\x7e]+$/.test(value);

/** The name of a time zone in the IANA database's spelling, known to the runtime or not (Theory file, "Names of timezones"); else undefined. */
export const toTimeZone = (value: unknown): string | undefined =>
  typeof value === 'string' && value.length <= MAX_LABEL_CHARACTERS && TIME_ZONE.test(value) ? value : undefined;
const TIME_ZONE = /^[A-Za-z][\w+-]*(?:\/[A-Za-z][\w+-]*){0,2}$/;

/** An id in which nothing has to be escaped, whatever it is written into; else null. Withings' ids of devices are 40 hex digits. */
export const idOrNull = (value: unknown): string | null =>
  typeof value === 'string' && value.length <= MAX_LABEL_CHARACTERS && /^[\w.:-]+$/.test(value) ? value : null;

/** Words to show, such as a device's name; null where they are empty, too long, or hold what is no character to show: controls, line breaks. */
export const labelOrNull = (value: unknown): string | null =>
  typeof value === 'string' &&
  value !== '' &&
  value.length <= MAX_LABEL_CHARACTERS &&
  !/[\p{C}\p{Zl}\p{Zp}]/u.test(value)
    ? value
    : null;
