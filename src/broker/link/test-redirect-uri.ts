import type { Failure } from '../../domain/failure.ts';
import { nearestRegistered, type RedirectUriDifference } from '../../domain/redirect-uri/hint.ts';
import { matches } from '../../domain/redirect-uri/match.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { ManagedApp } from '../access/admit-manager.ts';
import { listRedirectUris } from '../apps/manage-apps.ts';
import type { Deps } from '../deps.ts';

/**
 * Whether an authorization request with a redirect URI would be accepted, and how it differs from the most similar
 * registered one if not.
 */
export type RedirectUriTest = {
  matches: boolean;
  /** The registered URI that permits it, or the most similar one. */
  registered: string | undefined;
  differences: RedirectUriDifference[];
  explanation: string | undefined;
};

/** Tests a redirect URI with the function that decides about authorization requests. */
export const testRedirectUri = async (
  deps: Deps,
  managed: ManagedApp,
  uri: string,
): Promise<Result<RedirectUriTest, Failure>> => {
  const registered = await listRedirectUris(deps, managed);
  if (!registered.ok) return registered;
  const uris = registered.value.map((entry) => entry.uri);
  const permitting = uris.find((one) => matches(one, uri, managed.app));
  if (permitting !== undefined) {
    return ok({ matches: true, registered: permitting, differences: [], explanation: undefined });
  }
  const nearest = nearestRegistered(uri, uris);
  return ok({
    matches: false,
    registered: nearest?.uri,
    differences: nearest?.differences ?? [],
    explanation: nearest?.explanation,
  });
};
