/**
 * Long-lived credentials: API keys, access tokens, tickets. Each is 256 random bits behind a prefix that secret
 * scanners can search for. A checksum lets a mistyped one be refused without a query. Only the SHA-256 is stored: at
 * 256 bits a slow hash would protect nothing more (OWASP ASVS 5.0, 6.5.2).
 */
export type CredentialKind = 'key' | 'operator' | 'access' | 'ticket' | 'session';

/** Fills and returns `size` random bytes. */
export type RandomBytes = (size: number) => Uint8Array;

const SECRET_BYTES = 32;
const CHECKSUM_HEX_LENGTH = 8;
const SHAPE = /^mushu_(key|operator|access|ticket|session)_([0-9a-f]{64})([0-9a-f]{8})$/;

/** A new credential, `mushu_<kind>_<64 hex><8 hex checksum>`. */
export const mintCredential = async (kind: CredentialKind, random: RandomBytes): Promise<string> => {
  const body = `mushu_${kind}_${hex(random(SECRET_BYTES))}`;
  return `${body}${await checksum(body)}`;
};

/** Whether `text` has this kind's prefix, length and checksum. Needs no query. */
export const isWellFormedCredential = async (kind: CredentialKind, text: string): Promise<boolean> => {
  const match = SHAPE.exec(text);
  if (match === null || match[1] !== kind) return false;
  return match[3] === (await checksum(text.slice(0, -CHECKSUM_HEX_LENGTH)));
};

/** The form in which a credential is stored and looked up: SHA-256, hex. */
export const hashCredential = async (text: string): Promise<string> => hex(await sha256(text));

/** Compares two strings of any length in a time that depends on neither's content. */
export const constantTimeEqual = async (left: string, right: string): Promise<boolean> => {
  const [leftDigest, rightDigest] = await Promise.all([sha256(left), sha256(right)]);
  let difference = 0;
  for (const [index, byte] of leftDigest.entries()) difference |= byte ^ (rightDigest[index] ?? 0);
  return difference === 0;
};

/** A random identifier, `<prefix>_<hex>`. */
export const mintId = (prefix: string, random: RandomBytes, size = 10): string => `${prefix}_${hex(random(size))}`;

/** An identifier of the same shape that follows from what it names. */
export const derivedId = async (prefix: string, of: readonly (string | number | null)[], size = 10): Promise<string> =>
  `${prefix}_${hex((await sha256(JSON.stringify(of))).slice(0, size))}`;

const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export const hex = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += HEX_OF_BYTE[byte];
  return text;
};

const utf8 = new TextEncoder();

export const sha256 = async (text: string): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', utf8.encode(text)));

const checksum = async (body: string): Promise<string> => hex(await sha256(body)).slice(0, CHECKSUM_HEX_LENGTH);
