import { hex } from './credential.ts';
import type { Keyring } from './keyring.ts';

const HEX_LENGTH = 24;

/**
 * A user as logs and the audit trail name them: a keyed hash (HMAC-SHA256, cut to 96 bits) of app and user id. The same person is the same
 * word while the current key stays; without the key nobody can try ids against it.
 */
export const hashUser = async (ring: Keyring, appId: string, userId: string): Promise<string> => {
  const key = await ring.derive(ring.currentKeyId, 'hash-log');
  if (key === undefined) throw new Error('a keyring always holds its current key');
  const mac = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(JSON.stringify([appId, userId])));
  return `user_${hex(new Uint8Array(mac)).slice(0, HEX_LENGTH)}`;
};
