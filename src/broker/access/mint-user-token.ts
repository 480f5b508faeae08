import { hex } from '../../crypto/credential.ts';
import { USER_TOKEN } from '../../crypto/link-tokens.ts';
import { sign } from '../../crypto/signed-token.ts';
import { hashUser } from '../../crypto/user-hash.ts';
import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import { secret, type Secret } from '../../domain/secret.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { erasureEpoch, USER_TOKEN_LIFETIME_MS } from '../../store/access/user-tokens.ts';
import type { Deps } from '../deps.ts';
import type { AuthorizedBackend } from './admit-backend.ts';
import { minterOf } from './authenticate.ts';

/**
 * Mints a user token, which an app on a phone has instead of an API key. It is valid for one user's data, for an hour,
 * and is not stored. It ends earlier with the credential that minted it, and with the user's erasure.
 */
export const mintUserToken = async (
  deps: Deps,
  { appId, by }: AuthorizedBackend,
  userId: UserId,
): Promise<Result<{ token: Secret; expiresAt: EpochMs }, Failure>> => {
  const epoch = await erasureEpoch(deps.db, appId, await hashUser(deps.keyring, appId, userId));
  if (!epoch.ok) return epoch;
  const now = deps.now();
  const expiresAt = now + USER_TOKEN_LIFETIME_MS;
  const token = await sign(
    deps.keyring,
    USER_TOKEN,
    { app: appId, sub: userId, ...minterOf(by), ...(epoch.value !== undefined && { epoch: epoch.value }) },
    { jti: hex(deps.random(16)), now, expiresAt },
  );
  return ok({ token: secret(token), expiresAt });
};
