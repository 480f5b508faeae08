import { hex } from '../../crypto/credential.ts';
import { USER_TOKEN } from '../../crypto/link-tokens.ts';
import { sign } from '../../crypto/signed-token.ts';
import { secret, type Secret } from '../../domain/secret.ts';
import { type EpochMs, HOUR_MS } from '../../domain/time.ts';
import type { Deps } from '../deps.ts';

const USER_TOKEN_LIFETIME_MS = HOUR_MS;

/** Makes what an app on a phone holds instead of an API key: good for one user's data, for an hour, and kept nowhere. */
export const mintUserToken = async (
  deps: Deps,
  appId: string,
  userId: string,
): Promise<{ token: Secret; expiresAt: EpochMs }> => {
  const now = deps.now();
  const expiresAt = now + USER_TOKEN_LIFETIME_MS;
  const token = await sign(
    deps.keyring,
    USER_TOKEN,
    { app: appId, sub: userId },
    { jti: hex(deps.random(16)), now, expiresAt },
  );
  return { token: secret(token), expiresAt };
};
