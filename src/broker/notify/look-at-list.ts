import { ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import type { DueSubscription } from '../../store/notify/subscriptions.ts';
import type { WithingsFailure } from '../../withings/outcome.ts';
import type { Deps } from '../deps.ts';
import type { Reservation } from '../withings.ts';
import { callbackUrlOf } from './callback-url.ts';

/**
 * The person's callback URL, the kinds of data that Withings' list lacks for it, and what it has under other keys of
 * the ring.
 */
export type Listed = { url: Secret; missing: number[]; older: { callbackUrl: Secret; appli: number }[] };

/** Asks Withings what is subscribed of a person. One request. */
export const lookAtList = async (
  deps: Deps,
  { origin, withingsUserId }: DueSubscription,
  granted: Reservation,
  accessToken: Secret,
): Promise<Result<Listed, WithingsFailure>> => {
  const { currentKeyId, keyIds } = deps.keyring;
  const listed = await deps.withings.listSubscriptions(granted, { accessToken });
  if (!listed.ok) return listed;
  const url = await callbackUrlOf(deps, origin, currentKeyId, withingsUserId);
  const isOurs = ({ callbackUrl }: { callbackUrl: Secret }) => callbackUrl.reveal() === url.reveal();
  const has = new Set(listed.value.filter(isOurs).map(({ appli }) => appli));
  const otherKeys = keyIds.filter((keyId) => keyId !== currentKeyId);
  const urls = await Promise.all(otherKeys.map((keyId) => callbackUrlOf(deps, origin, keyId, withingsUserId)));
  const others = new Set(urls.map((other) => other.reveal()));
  return ok({
    url,
    missing: deps.settings.notifyApplis.filter((appli) => !has.has(appli)),
    // What stands under a key that has left the ring is not known as ours: its pushes are refused, and Withings cancels
    // it.
    older: listed.value.filter(({ callbackUrl }) => others.has(callbackUrl.reveal())),
  });
};
