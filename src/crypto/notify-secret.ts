import { base64url } from 'jose';

import type { Keyring } from './keyring.ts';

/**
 * The secret in the callback URL of Withings' notifications: HMAC-SHA256 of the person's id at Withings. Withings signs
 * nothing, so this is how a push is distinguished from a forged one. It is stored nowhere.
 */
export const notifySecret = async (ring: Keyring, keyId: string, withingsUserId: string): Promise<string> => {
  const key = await ring.derive(keyId, 'hash-notify');
  if (key === undefined) throw new Error('only keys of the ring make secrets');
  return base64url.encode(new Uint8Array(await crypto.subtle.sign('HMAC', key, bytesOf(withingsUserId))));
};

/** Whether a secret is that of a person, under any key of the ring. Compares in constant time. */
export const isNotifySecret = async (ring: Keyring, shown: string, withingsUserId: string): Promise<boolean> => {
  if (!SECRET.test(shown)) return false;
  const mac = base64url.decode(shown);
  for (const keyId of ring.keyIds) {
    const key = await ring.derive(keyId, 'hash-notify');
    if (key !== undefined && (await crypto.subtle.verify('HMAC', key, mac, bytesOf(withingsUserId)))) return true;
  }
  return false;
};

/** 32 bytes. */
const SECRET = /^[A-Za-z0-9_-]{43}$/;

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
