import type { AppId } from '../../domain/app-id.ts';
import type { Failure } from '../../domain/failure.ts';
import { nearestRegistered } from '../../domain/redirect-uri/hint.ts';
import { redirectUrisOf } from '../../store/apps/redirect-uris.ts';
import type { Deps } from '../deps.ts';

/** Explains how the URI differs from the most similar registered one. Costs a second query, only in this case. */
export const explainMismatch = async (deps: Deps, appId: AppId, redirectUri: string): Promise<Failure> => {
  const registered = await redirectUrisOf(deps.db, appId);
  if (!registered.ok) return registered.failure;
  const nearest = nearestRegistered(
    redirectUri,
    registered.value.map(({ uri }) => uri),
  );
  return { kind: 'redirect_uri_not_allowed', explanation: nearest?.explanation, wanted: { appId, uri: redirectUri } };
};
