import type { AppId } from '../domain/app-id.ts';
import type { UserId } from '../domain/user-id.ts';
import { hex } from './credential.ts';
import type { Keyring } from './keyring.ts';

/** 96 bits. */
const BYTES = 12;
const encoder = new TextEncoder();

/**
 * A user's name in logs and in the audit trail: HMAC-SHA256 of app and user id, cut to 96 bits. It is stable per user
 * until the keyring's current key changes. It is keyed, so ids cannot be guessed offline.
 */
export const hashUser = async (ring: Keyring, appId: AppId, userId: UserId): Promise<string> => {
  const key = await ring.deriveCurrent('hash-log');
  const mac = await crypto.subtle.sign('HMAC', key, encoder.encode(JSON.stringify([appId, userId])));
  return `user_${hex(new Uint8Array(mac, 0, BYTES))}`;
};
