/** Fills the array with random bytes and returns it, like `crypto.getRandomValues`. */
export type Random = (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** A token, code or nonce: 40 lower-case hex characters. */
export const randomHex40 = (random: Random): string => toHex(random(new Uint8Array(20)));

/** From 0 up to 1. */
export const toFraction = (random: Random): number => Number.parseInt(toHex(random(new Uint8Array(4))), 16) / 2 ** 32;
