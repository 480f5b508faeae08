import { MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import { type EndingConnection, forgetSubscription, lookAtSubscriptionNow } from '../../store/notify/subscriptions.ts';
import type { Deps } from '../deps.ts';
import { openToken } from '../tokens/sealed-tokens.ts';
import { callbackUrlOf } from './callback-url.ts';

/**
 * Revokes a person's subscription with their last connection, by the access token that the connection had. If that is
 * not possible, Withings' pushes are answered 404 from now on, and Withings cancels the subscription within 20 days.
 */
export const endSubscription = async (deps: Deps, ended: EndingConnection): Promise<void> => {
  const { withingsUserId, id, appId, accessTokenSealed, accessExpiresAt } = ended;
  const forgotten = await forgetSubscription(deps.db, withingsUserId);
  if (!forgotten.ok || forgotten.value === undefined) return;
  const { origin, keyId } = forgotten.value;
  if (keyId === null || !deps.keyring.keyIds.includes(keyId)) return;
  if (accessTokenSealed === null || accessExpiresAt < deps.now() + MINUTE_MS) return;
  const token = await openToken(deps, { appId, connectionId: id }, 'access_token', accessTokenSealed);
  if (!token.ok) return;
  const granted = await deps.withings.reserve({ share: 'notify', waitMs: 10 * SECOND_MS }, 1);
  if (!granted.ok) return;
  const callbackUrl = await callbackUrlOf(deps, origin, keyId, withingsUserId);
  const revoked = await deps.withings.revokeSubscription(granted.value, { accessToken: token.value, callbackUrl });
  // The person may be connected again, and what was listed since was revoked.
  await lookAtSubscriptionNow(deps.db, withingsUserId, deps.now());
  const outcome = revoked.ok ? 'revoked' : 'not_revoked';
  deps.log({ level: 'info', event: 'subscription', outcome, ...(!revoked.ok && { reason: revoked.failure.kind }) });
};
