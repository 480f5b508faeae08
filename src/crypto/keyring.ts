import { base64url } from 'jose';
import * as z from 'zod';

import { fail, ok, type Result } from '../domain/result.ts';

/**
 * The keyring: several root keys in one Worker secret. The current one seals and signs, and all of them open. So a key
 * can be replaced while old isolates still run: add it, deploy, make it current, seal everything again, remove the old
 * one.
 *
 * A root key is never used directly. Each purpose derives its own key from it (HKDF-SHA256, RFC 5869), so a token of
 * one purpose is never valid for another.
 */
export type Keyring = {
  /** The key that seals and signs. */
  currentKeyId: string;
  keyIds: readonly string[];
  /** The key of one purpose under one root key; undefined if the ring lacks the root key. */
  derive: (keyId: string, purpose: KeyPurpose) => Promise<CryptoKey | undefined>;
  /** The key of one purpose under the current root key. */
  deriveCurrent: (purpose: KeyPurpose) => Promise<CryptoKey>;
};

/** What a derived key is for. The label is part of the derivation: changing one makes what it sealed unreadable. */
export type KeyPurpose =
  | 'seal-token'
  | 'seal-parked'
  | 'seal-link'
  | 'seal-webhook'
  | 'seal-shown'
  | 'sign-state'
  | 'sign-connect-session'
  | 'sign-user-token'
  | 'hash-log'
  | 'hash-notify'
  | 'name-key';

const ROOT_KEY_BYTES = 32;

const keyringSchema = z.object({
  current: z.string(),
  keys: z.record(z.string().regex(/^[a-z0-9-]{1,32}$/), z.string()),
});

/**
 * Parses a keyring.
 *
 * @param text JSON `{"current": "<id>", "keys": {"<id>": "<32 bytes, base64url>"}}`
 * @returns the ring, or what is wrong with the text, without quoting it
 */
export const parseKeyring = (text: string): Result<Keyring, string> => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return fail('KEYRING is not JSON');
  }
  const parsed = keyringSchema.safeParse(json);
  if (!parsed.success) return fail('KEYRING must be {"current": id, "keys": {id: base64url}}');
  const roots = new Map<string, Uint8Array>();
  for (const [keyId, encoded] of Object.entries(parsed.data.keys)) {
    const root = decodeRootKey(encoded);
    if (root === undefined) return fail(`KEYRING: key "${keyId}" is not ${ROOT_KEY_BYTES} bytes of base64url`);
    roots.set(keyId, root);
  }
  const { current } = parsed.data;
  const currentRoot = roots.get(current);
  if (currentRoot === undefined) return fail('KEYRING: the current key is not among the keys');
  return ok(keyringOf({ keyId: current, root: currentRoot }, roots));
};

const decodeRootKey = (encoded: string): Uint8Array | undefined => {
  try {
    const root = base64url.decode(encoded);
    return root.length === ROOT_KEY_BYTES ? root : undefined;
  } catch {
    return undefined;
  }
};

type RootKey = { keyId: string; root: Uint8Array };

const keyringOf = (current: RootKey, roots: ReadonlyMap<string, Uint8Array>): Keyring => {
  // Cache keys, not promises of keys: on Workers a promise made in one request may never settle in another.
  const derived = new Map<string, CryptoKey>();
  const keyOf = async ({ keyId, root }: RootKey, purpose: KeyPurpose): Promise<CryptoKey> => {
    const name = `${keyId}/${purpose}`;
    const key = derived.get(name) ?? (await deriveKey(root, purpose));
    derived.set(name, key);
    return key;
  };
  return {
    currentKeyId: current.keyId,
    keyIds: [...roots.keys()],
    derive: async (keyId, purpose) => {
      const root = roots.get(keyId);
      return root && keyOf({ keyId, root }, purpose);
    },
    deriveCurrent: (purpose) => keyOf(current, purpose),
  };
};

const deriveKey = async (root: Uint8Array, purpose: KeyPurpose): Promise<CryptoKey> => {
  const material = await crypto.subtle.importKey('raw', root, 'HKDF', false, ['deriveBits']);
  const info = new TextEncoder().encode(`mushu/${purpose}`);
  const bits = await crypto.subtle.deriveBits(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info },
    material,
    256,
  );
  return purpose.startsWith('seal-')
    ? crypto.subtle.importKey('raw', bits, 'AES-GCM', false, ['encrypt', 'decrypt'])
    : crypto.subtle.importKey('raw', bits, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
};
