import { notifySecret } from '../../crypto/notify-secret.ts';
import { type Secret, secret } from '../../domain/secret.ts';
import type { Deps } from '../deps.ts';

/** Where Withings posts about a person, under one key of the keyring. */
export const callbackUrlOf = async (
  { keyring }: Pick<Deps, 'keyring'>,
  origin: string,
  keyId: string,
  withingsUserId: string,
): Promise<Secret> => secret(`${origin}/withings/notify/${await notifySecret(keyring, keyId, withingsUserId)}`);
