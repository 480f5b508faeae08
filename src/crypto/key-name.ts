import { hex } from './credential.ts';
import type { Keyring } from './keyring.ts';

/**
 * Names the current key by its id and its bytes, and the client at Withings with it, so that two Workers can be
 * compared: an HMAC-SHA256 under a key of its own. Neither the key nor anything that it seals or signs follows from it.
 */
export const nameOfCurrentKey = async (ring: Keyring, clientId: string): Promise<string> => {
  const key = await ring.deriveCurrent('name-key');
  const mac = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(`${ring.currentKeyId} ${clientId}`));
  return `${ring.currentKeyId}.${hex(new Uint8Array(mac))}`;
};
