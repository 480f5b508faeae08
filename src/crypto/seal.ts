import { base64url, decodeProtectedHeader, errors, flattenedDecrypt, FlattenedEncrypt } from 'jose';

import { fail, ok, type Result } from '../domain/result.ts';
import type { Keyring, KeyPurpose } from './keyring.ts';

/**
 * Sealing: authenticated encryption (JWE, `dir`, A256GCM; RFC 7516) of one value for one place. The place (app,
 * connection, field …) is the additional authenticated data and is not stored. A blob that is moved to another row or
 * column does not open there.
 *
 * A sealed value is `protected.iv.ciphertext.tag`, each part base64url. The protected header names the key.
 */
export type SealPurpose = Extract<KeyPurpose, `seal-${string}`>;

/**
 * Why a blob does not open. `key_missing`: the ring lacks the key, which the operator can put back. `seal_broken`: this
 * blob can never be opened.
 */
export type OpenFailure = { kind: 'key_missing'; keyId: string } | { kind: 'seal_broken' };

const utf8 = new TextEncoder();

/** Encrypts `plaintext` under the ring's current key, bound to `place`. */
export const seal = async (
  ring: Keyring,
  purpose: SealPurpose,
  place: readonly string[],
  plaintext: string,
): Promise<string> => {
  const key = await ring.deriveCurrent(purpose);
  const jwe = await new FlattenedEncrypt(utf8.encode(plaintext))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: ring.currentKeyId })
    .setAdditionalAuthenticatedData(utf8.encode(JSON.stringify(place)))
    .encrypt(key);
  return [jwe.protected, jwe.iv, jwe.ciphertext, jwe.tag].join('.');
};

/** Decrypts what `seal` made for the same purpose and place. */
export const open = async (
  ring: Keyring,
  purpose: SealPurpose,
  place: readonly string[],
  sealed: string,
): Promise<Result<string, OpenFailure>> => {
  const keyId = sealingKeyId(sealed);
  if (keyId === undefined) return fail({ kind: 'seal_broken' });
  const key = await ring.derive(keyId, purpose);
  if (key === undefined) return fail({ kind: 'key_missing', keyId });
  const [header, iv, ciphertext, tag] = sealed.split('.');
  try {
    const opened = await flattenedDecrypt(
      {
        protected: header ?? '',
        iv: iv ?? '',
        ciphertext: ciphertext ?? '',
        tag: tag ?? '',
        aad: base64urlOf(JSON.stringify(place)),
      },
      key,
      { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] },
    );
    return ok(new TextDecoder().decode(opened.plaintext));
  } catch (error) {
    if (error instanceof errors.JOSEError) return fail({ kind: 'seal_broken' });
    throw error;
  }
};

/** The id of the key that a blob is sealed with; undefined if it is not a sealed value. */
export const sealingKeyId = (sealed: string): string | undefined => {
  const parts = sealed.split('.');
  if (parts.length !== 4) return undefined;
  try {
    const { kid } = decodeProtectedHeader({ protected: parts[0] ?? '', ciphertext: '' });
    return kid;
  } catch {
    return undefined;
  }
};

const base64urlOf = (text: string): string => base64url.encode(utf8.encode(text));
