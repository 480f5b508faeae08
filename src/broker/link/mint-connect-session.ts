import { hex } from '../../crypto/credential.ts';
import { CONNECT_SESSION } from '../../crypto/link-tokens.ts';
import { sign } from '../../crypto/signed-token.ts';
import type { Failure } from '../../domain/failure.ts';
import { CONNECT_SESSION_LIFETIME_MS } from '../../domain/link.ts';
import { matches, registrationCandidates } from '../../domain/redirect-uri/match.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { secret, type Secret } from '../../domain/secret.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { linkTarget } from '../../store/link/links.ts';
import type { AuthorizedBackend } from '../access/admit-backend.ts';
import { minterOf } from '../access/authenticate.ts';
import type { Deps } from '../deps.ts';
import { explainMismatch } from './explain-mismatch.ts';

/**
 * Mints the right to link one user once, for the app's backend to pass to that user's browser. It is signed, not
 * stored. A callback uses it up, so a link preview does not. It ends with the credential that minted it.
 */
export const mintConnectSession = async (
  deps: Deps,
  { appId, by }: AuthorizedBackend,
  {
    userId,
    redirectUri,
    appState,
    switchAccount = false,
  }: { userId: UserId; redirectUri: string; appState?: string | undefined; switchAccount?: boolean },
): Promise<Result<{ session: Secret; expiresAt: EpochMs }, Failure>> => {
  const found = await linkTarget(deps.db, appId, registrationCandidates(redirectUri));
  if (!found.ok) return found;
  if (found.value === undefined) return fail({ kind: 'app_not_found' });
  const target = found.value;
  if (!target.registered.some(({ uri }) => matches(uri, redirectUri, target))) {
    return fail(await explainMismatch(deps, appId, redirectUri));
  }
  const now = deps.now();
  const expiresAt = now + CONNECT_SESSION_LIFETIME_MS;
  const claims = {
    app: appId,
    sub: userId,
    uri: redirectUri,
    ...(appState !== undefined && { st: appState }),
    ...(switchAccount && { sw: true }),
    ...minterOf(by),
  };
  const session = await sign(deps.keyring, CONNECT_SESSION, claims, {
    jti: hex(deps.random(16)),
    now,
    expiresAt,
  });
  return ok({ session: secret(session), expiresAt });
};
